//! A cable between a runner and its server that can be cut: a listener that passes bytes on, until it is told not to.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A cable. It is cut for good when it is dropped.
pub(crate) struct Cable {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    target: SocketAddr,
    cut: AtomicBool,
    ended: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Cable {
    pub(crate) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("set");
        let state =
            State { target, cut: AtomicBool::new(false), ended: AtomicBool::new(false), open: Mutex::new(Vec::new()) };
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            while !shared.ended.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((near, _)) if !shared.cut.load(Ordering::SeqCst) => shared.join(&near),
                    Ok((near, _)) => drop(near.shutdown(Shutdown::Both)),
                    Err(_) => thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        Self { address, state }
    }

    /// Breaks every connection, and lets none through from now on.
    pub(crate) fn cut(&self) {
        self.state.cut.store(true, Ordering::SeqCst);
        for stream in self.state.open.lock().expect("free").drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    pub(crate) fn mend(&self) {
        self.state.cut.store(false, Ordering::SeqCst);
    }
}

impl State {
    fn join(self: &Arc<Self>, near: &TcpStream) {
        let Ok(far) = TcpStream::connect(self.target) else { return drop(near.shutdown(Shutdown::Both)) };
        drop(near.set_nonblocking(false));
        let mut open = self.open.lock().expect("free");
        for (from, to) in [(near, &far), (&far, near)] {
            let (Ok(mut from), Ok(mut to), Ok(kept)) = (from.try_clone(), to.try_clone(), from.try_clone()) else {
                return;
            };
            open.push(kept);
            thread::spawn(move || {
                let mut bytes = [0; 16 << 10];
                while let Ok(read @ 1..) = from.read(&mut bytes) {
                    let read = bytes.get(..read).unwrap_or_default();
                    if to.write_all(read).is_err() {
                        break;
                    }
                }
                drop(to.shutdown(Shutdown::Both));
                drop(from.shutdown(Shutdown::Both));
            });
        }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        self.cut();
    }
}
