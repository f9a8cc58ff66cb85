//! How a port runs a script in its store.

/// Runs a script in a transaction of a store, or an operation in one of its reads. The values are what the work needs to know; it
/// gets clones, for it may be done again: `run!(store.write, (observation), |tx| observe(tx, &observation))`.
macro_rules! run {
    ($store:ident.$how:ident, ($($value:ident),*), |$tx:ident| $work:expr) => {
        $store.$how(move |$tx| {
            $(let $value = $value.clone();)*
            Box::pin(async move { $work.await })
        })
    };
}

pub(super) use run;
