//! Whatever bytes come, the reader gives a value that a strict reader takes, or says where it stopped.
#![no_main]

use flightdeck_agent_io::json::{read, salvage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match read(bytes) {
        Ok(read) => {
            let text = read.value.to_string();
            let again: serde_json::Value = serde_json::from_str(&text).expect("a value is written as JSON");
            assert_eq!(again, read.value);
            assert!(!text.contains('\0'), "a strict writer escapes it");
            if let Ok(strict) = serde_json::from_slice::<serde_json::Value>(bytes) {
                assert_eq!((read.value, read.mended), (strict, false));
            }
        }
        Err(error) => assert!(error.at <= bytes.len() * 3, "U+FFFD is three bytes"),
    }
    let found = salvage(bytes, &["session_id", "agent_id"]);
    assert!(serde_json::from_str::<serde_json::Value>(&serde_json::Value::Object(found).to_string()).is_ok());
});
