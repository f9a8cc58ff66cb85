//! Open files travel over a socket.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

/// Standard input, output and error of a program.
pub(crate) struct Stdio {
    pub(crate) input: OwnedFd,
    pub(crate) output: OwnedFd,
    pub(crate) error: OwnedFd,
}

/// Sends them with one byte, so that the lines after it are an ordinary stream.
pub(crate) fn send(socket: &UnixStream, stdio: &Stdio) -> io::Result<()> {
    let fds: [BorrowedFd<'_>; 3] = [stdio.input.as_fd(), stdio.output.as_fd(), stdio.error.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::other("no room for three descriptors"));
    }
    sendmsg(socket, &[IoSlice::new(b"\n")], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives what [`send`] sent.
pub(crate) fn receive(socket: &UnixStream) -> io::Result<Stdio> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0_u8];
    recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, close_on_exec())?;
    let mut fds = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => fds.collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    match (fds.next(), fds.next(), fds.next()) {
        (Some(input), Some(output), Some(error)) => Ok(Stdio { input, output, error }),
        _ => Err(io::Error::other("the launcher sent no descriptors")),
    }
}

/// A program must not inherit what belongs to its supervisor.
#[cfg(target_os = "linux")]
const fn close_on_exec() -> RecvFlags {
    RecvFlags::CMSG_CLOEXEC
}

/// Here the descriptors are handed on as standard input, output and error, and closed before anything else is started.
#[cfg(not(target_os = "linux"))]
const fn close_on_exec() -> RecvFlags {
    RecvFlags::empty()
}
