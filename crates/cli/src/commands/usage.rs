//! `flightdeck usage`: what agents used.

use flightdeck_terminal::Outcome;

use super::account::{Account, tell_fleet};
use crate::ask::begin;
use crate::grammar::UsageArgs;

pub(super) fn run(args: &UsageArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let account = Account::named(&client, args.id.as_deref(), args.mission.as_deref())?;
    let path = account.as_ref().map_or_else(|| "/fleet/usage".to_owned(), Account::path);
    let reply = client.get(&path)?;
    match account {
        _ if out.json => out.json(&reply.body),
        Some(account) => account.read(&reply)?.tell(out),
        None => tell_fleet(out, &reply.read()?),
    }
    Ok(())
}
