//! What Prometheus gets to read.

use std::time::Duration;

use super::*;

fn exposition() -> Exposition {
    let meters = Meters::default();
    meters.appended(3, Duration::from_millis(4));
    meters.committed(2, Duration::from_micros(700));
    let mut exposition = Exposition::of(&meters);
    exposition.seconds("oldest_age_seconds", "How old", Duration::from_millis(1_500));
    exposition.counter("panics", "How often", 4);
    exposition.gauges("sessions", "How many", [(vec![("status", "idle".to_owned())], 7)]);
    exposition.counters("refused", "How many", [(vec![("why", "a \"b\"\n".to_owned())], 9)]);
    exposition
}

#[test]
fn a_counter_is_described_under_the_name_of_its_value_for_prometheus() {
    let text = exposition().text(Format::Prometheus);
    for line in [
        "# TYPE flightdeck_panics_total counter",
        "flightdeck_panics_total 4",
        "# TYPE flightdeck_messages_total counter",
        "flightdeck_messages_total 3",
        "flightdeck_append_duration_seconds_count 1",
        "flightdeck_append_duration_seconds_bucket{le=\"0.005\"} 1",
        "flightdeck_append_duration_seconds_bucket{le=\"0.002\"} 0",
        "flightdeck_commit_writes_sum 2.0",
        "flightdeck_sessions{status=\"idle\"} 7",
        "flightdeck_oldest_age_seconds 1.5",
        "flightdeck_refused_total{why=\"a \\\"b\\\"\\n\"} 9",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("# EOF") && text.ends_with('\n'));
    assert!(!text.contains("# TYPE flightdeck_panics counter"), "{text}");
}

#[test]
fn whoever_accepts_open_metrics_gets_it() {
    let text = exposition().text(Format::accepted("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"));
    assert!(text.ends_with("# EOF\n") && text.contains("# TYPE flightdeck_panics counter"), "{text}");
    for accept in ["", "text/plain", "*/*"] {
        assert_eq!(Format::accepted(accept), Format::Prometheus);
    }
}
