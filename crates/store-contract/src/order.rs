//! The order that every script keeps: [`flightdeck_domain::transactions`].

use crate::crash::Act;

/// What an operation is, as far as the order goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// What is remembered of a call is asked for.
    Key,
    /// Something is locked; of what has a lower rank nothing is locked after it.
    Lock(u8),
    Read,
    /// A row is put there.
    Insert,
    /// A row that is there gets other values, under a lock of this rank.
    Save(u8),
    Tell,
    Record,
    /// A call is remembered, or forgotten.
    Keep,
}

/// The tree, with the kill switch.
const TREE: u8 = 1;
/// Sessions, keys and logins: what a script decides about. What comes behind them is locked late.
const SUBJECT: u8 = 2;
const OPERATIONS: u8 = 3;
const ACCOUNTS: u8 = 4;

impl Step {
    fn of(name: &str) -> Self {
        match name {
            "remembered" => Self::Key,
            "lock_tree" => Self::Lock(TREE),
            "lock_session"
            | "lock_head"
            | "lock_heads"
            | "lock_everything_open"
            | "lock_key"
            | "lock_keys"
            | "lock_login"
            | "lock_provider_config"
            | "lock_runner"
            | "lock_sink"
            | "lock_retention"
            | "lock_assignment" => Self::Lock(SUBJECT),
            "lock_operation" | "lock_operations_of" => Self::Lock(OPERATIONS),
            "lock_accounts" => Self::Lock(ACCOUNTS),
            "tell" => Self::Tell,
            "record" => Self::Record,
            "remember" | "forget_calls" => Self::Keep,
            "set_kill_switch" => Self::Save(TREE),
            "save_operation" => Self::Save(OPERATIONS),
            "put_accounts" | "add_days" => Self::Save(ACCOUNTS),
            "kill_open" => Self::Save(SUBJECT),
            "open_account" | "forget_logins" => Self::Insert,
            name if verb(name) == "insert" => Self::Insert,
            name if ["save", "touch", "supersede", "remove"].contains(&verb(name)) => Self::Save(SUBJECT),
            _ => Self::Read,
        }
    }

    const fn is_a_change(self) -> bool {
        matches!(self, Self::Insert | Self::Save(_) | Self::Tell | Self::Record | Self::Keep)
    }
}

fn verb(name: &str) -> &str {
    name.split('_').next().unwrap_or(name)
}

/// Panics unless a whole script has done so: asked for its key first; then locked, by rising rank; locked what it decides about
/// before it changed or told anything; recorded last, once when it is on record, but for remembering its call.
pub(crate) fn holds(act: Act, names: &[&str]) {
    let steps: Vec<Step> = names.iter().map(|name| Step::of(name)).collect();
    let all = |wanted: Step| steps.iter().filter(|step| **step == wanted).count();
    let first = |is: &dyn Fn(&Step) -> bool| steps.iter().position(is).unwrap_or(steps.len());

    let asked = usize::from(act.has_a_key() || act == Act::KillEnded);
    assert_eq!(all(Step::Key), asked, "{act:?} asks for its key: {names:?}");
    assert!(asked == 0 || steps[0] == Step::Key, "{act:?} asks for its key first: {names:?}");

    let ranks: Vec<u8> =
        steps.iter().filter_map(|step| if let Step::Lock(rank) = step { Some(*rank) } else { None }).collect();
    assert!(ranks.is_sorted(), "{act:?} locks in the order of all: {names:?}");
    let changed = first(&|step| step.is_a_change());
    let late = steps[changed..].iter().any(|step| matches!(step, Step::Lock(rank) if *rank <= SUBJECT));
    assert!(!late, "{act:?} locks what it decides about before it changes anything: {names:?}");
    for (place, step) in steps.iter().enumerate() {
        let is_locked =
            |ranks: &[u8]| steps[..place].iter().any(|before| ranks.iter().any(|r| *before == Step::Lock(*r)));
        let good = match step {
            Step::Save(rank) => is_locked(&[*rank]),
            Step::Tell => is_locked(&[TREE, SUBJECT]),
            _ => true,
        };
        assert!(good, "{act:?} changes and tells of what it has locked, and does not at {place}: {names:?}");
    }

    assert_eq!(all(Step::Record), usize::from(act.is_on_record()), "{act:?} has its entry: {names:?}");
    let behind = steps.iter().skip(1 + first(&|step| *step == Step::Record));
    assert!(behind.clone().all(|step| *step == Step::Keep), "{act:?} records last: {names:?}");
}
