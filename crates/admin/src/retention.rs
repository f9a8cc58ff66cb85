//! `flightdeck retention`: works on the database itself, whether or not a server is running on it.

use std::collections::BTreeMap;

use flightdeck_domain::action::Origin;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::retention::{Days, Retention, RetentionRules};
use flightdeck_domain::text::{MissionId, RequestId};
use flightdeck_domain::use_cases::{ManageRetention, PlannedMission};
use flightdeck_settings::{Flags, StorageSettings};
use flightdeck_storage::{archive_place, open_store};
use flightdeck_terminal::{Column, Out, Outcome, Table, Tone, json_pretty, say, text};
use serde_json::{Value, json};

use crate::grammar::retention::{RetentionArgs, RetentionCommand, Wanted};

/// A flag that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{flag}: {value:?} {problem}")]
pub(crate) struct WrongFlag {
    flag: &'static str,
    value: String,
    problem: String,
}

/// Does what was typed.
///
/// # Errors
/// A flag cannot be used, the store cannot be opened, or somebody else has changed the rules meanwhile.
pub async fn run(args: &RetentionArgs) -> Outcome {
    match &args.command {
        RetentionCommand::Show { flags } => show(flags, args.json).await,
        RetentionCommand::Set { wanted, flags } => set(wanted, flags, args.json).await,
        RetentionCommand::Plan { wanted, flags } => plan(wanted, flags, args.json).await,
    }
}

fn days(flag: &'static str, value: &str) -> Result<Option<Days>, WrongFlag> {
    if value == "forever" {
        return Ok(None);
    }
    let wrong = || WrongFlag {
        flag,
        value: value.to_owned(),
        problem: format!("is neither a number of days from 1 to {} nor forever", Days::MAX),
    };
    let number = value.parse::<u32>().ok().ok_or_else(wrong)?;
    Days::new(number).map(Some).or(Err(wrong()))
}

impl Wanted {
    /// The rules with what was given.
    fn over(&self, mut rules: RetentionRules) -> Result<RetentionRules, WrongFlag> {
        if let Some(sessions) = &self.sessions {
            rules.sessions = days("--sessions", sessions)?;
        }
        if let Some(feed) = &self.feed {
            rules.feed = days("--feed", feed)?;
        }
        for given in &self.mission {
            let wrong = |problem: String| WrongFlag { flag: "--mission", value: given.clone(), problem };
            let (name, number) =
                given.rsplit_once('=').ok_or_else(|| wrong("is not NAME=DAYS, such as apollo=30".to_owned()))?;
            let mission = MissionId::new(name).map_err(|error| wrong(error.to_string()))?;
            match number {
                "" => rules.missions.remove(&mission),
                number => rules.missions.insert(mission, days("--mission", number)?),
            };
        }
        rules.check().map_err(|error| WrongFlag {
            flag: "--mission",
            value: rules.missions.len().to_string(),
            problem: error.to_string(),
        })?;
        Ok(rules)
    }
}

async fn show(flags: &Flags, json: bool) -> Outcome {
    let settings = StorageSettings::load(flags)?;
    let retention = ManageRetention::new(&open_store(&settings).await?).read().await?;
    say(if json { json_pretty(&as_json(&retention)) } else { told(&retention.rules, &settings)? });
    Ok(())
}

async fn set(wanted: &Wanted, flags: &Flags, json: bool) -> Outcome {
    let settings = StorageSettings::load(flags)?;
    let manage = ManageRetention::new(&open_store(&settings).await?);
    let before = manage.read().await?;
    let rules = wanted.over(before.rules)?;
    let request = RequestId::new(format!("cli {}", std::process::id()))?;
    let origin = Origin::new(Actor::local_cli(), request);
    let retention = manage.set(rules, before.revision, origin).await?;
    say(if json { json_pretty(&as_json(&retention)) } else { told(&retention.rules, &settings)? });
    Ok(())
}

async fn plan(wanted: &Wanted, flags: &Flags, json: bool) -> Outcome {
    let settings = StorageSettings::load(flags)?;
    let manage = ManageRetention::new(&open_store(&settings).await?);
    let rules = wanted.over(manage.read().await?.rules)?;
    let plan = manage.plan(&rules).await?;
    if json {
        say(json_pretty(&plan_as_json(&plan)));
        return Ok(());
    }
    let mut table = Table::new(&[
        Column::whole("MISSION"),
        Column::whole("AFTER DAYS"),
        Column::whole("SESSIONS"),
        Column::whole("MESSAGES"),
        Column::whole("BYTES"),
    ]);
    for (mission, planned) in &plan {
        let name = mission.as_ref().map_or("-", MissionId::as_str);
        let after = rules.days_of(mission.as_ref()).map_or_else(|| "-".to_owned(), |days| days.get().to_string());
        table.row([
            (Tone::Strong, name),
            (Tone::Plain, &after),
            (Tone::Plain, &planned.sessions.to_string()),
            (Tone::Plain, &planned.messages.to_string()),
            (Tone::Plain, &planned.bytes.to_string()),
        ]);
    }
    Out::new(false).table(&table, "nothing would go");
    Ok(())
}

fn plan_as_json(plan: &BTreeMap<Option<MissionId>, PlannedMission>) -> Value {
    let missions = plan.iter().map(|(mission, planned)| {
        let PlannedMission { sessions, messages, bytes } = planned;
        json!({"missionId": mission, "sessions": sessions, "messages": messages, "bytes": bytes})
    });
    let sum = |of: fn(&PlannedMission) -> u64| plan.values().map(of).sum::<u64>();
    json!({
        "missions": missions.collect::<Vec<_>>(),
        "sessions": sum(|planned| planned.sessions),
        "messages": sum(|planned| planned.messages),
        "bytes": sum(|planned| planned.bytes),
    })
}

fn as_json(retention: &Retention) -> Value {
    let RetentionRules { sessions, missions, feed } = &retention.rules;
    json!({
        "sessionDays": sessions,
        "missions": missions,
        "feedDays": feed,
        "revision": retention.revision,
        "changedBy": retention.changed.as_ref().map(|changed| changed.by.as_str()),
        "changedAt": retention.changed.as_ref().map(|changed| changed.at),
    })
}

fn told(rules: &RetentionRules, settings: &StorageSettings) -> Result<String, flightdeck_terminal::BoxError> {
    let days = |days: Option<Days>| days.map_or_else(|| "for ever".to_owned(), |days| format!("{} days", days.get()));
    let mut lines = vec![format!("conversations of ended sessions  {}", days(rules.sessions))];
    let missions = rules.missions.iter();
    lines.extend(missions.map(|(mission, rule)| format!("  of mission {}  {}", text(mission.as_str()), days(*rule))));
    lines.push(format!("entries of the fleet feed        {}", days(rules.feed)));
    let archive = archive_place(settings)?.map_or_else(
        || "none: say where it is with archive_url; without it nothing goes".to_owned(),
        |place| place.to_string(),
    );
    lines.push(format!("archive                          {archive}"));
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(sessions: Option<&str>, mission: &[&str], feed: Option<&str>) -> Wanted {
        Wanted {
            sessions: sessions.map(ToOwned::to_owned),
            mission: mission.iter().map(|given| (*given).to_owned()).collect(),
            feed: feed.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn what_is_not_given_stays() {
        let mission = |name| MissionId::new(name).expect("valid");
        let days = |days| Some(Days::new(days).expect("valid"));
        let rules = wanted(Some("30"), &["a=b=7", "c=forever"], None).over(RetentionRules::default()).expect("valid");
        assert_eq!((rules.sessions, rules.feed), (days(30), None));
        assert_eq!(rules.missions, [(mission("a=b"), days(7)), (mission("c"), None)].into());
        let rules = wanted(None, &["c="], Some("9")).over(rules).expect("valid");
        assert_eq!((rules.sessions, rules.feed), (days(30), days(9)));
        assert_eq!(rules.missions, [(mission("a=b"), days(7))].into());
        let rules = wanted(Some("forever"), &[], None).over(rules).expect("valid");
        assert_eq!(rules.sessions, None);
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_flag() {
        for (wrong, flag) in [
            (wanted(Some("0"), &[], None), "--sessions"),
            (wanted(None, &[], Some("36501")), "--feed"),
            (wanted(None, &["apollo"], None), "--mission"),
            (wanted(None, &["apollo=x"], None), "--mission"),
            (wanted(None, &["=3"], None), "--mission"),
        ] {
            let refused = wrong.over(RetentionRules::default()).expect_err("wrong").to_string();
            assert!(refused.starts_with(flag), "{refused}");
        }
    }
}
