//! Packets over the loopback device in exact numbers.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use anyhow::{Result, ensure};

/// An open receiving socket. While it lives every datagram to it is one packet: to a closed port the kernel answers by
/// ICMP, which is a packet too.
pub struct Receiver {
    /// Held open; nothing reads from it. What does not fit its buffer is dropped after the packet was steered.
    socket: UdpSocket,
}

impl Receiver {
    /// Binds any free port of `address`.
    pub fn bind(address: IpAddr) -> Result<Self> {
        Ok(Self { socket: UdpSocket::bind((address, 0))? })
    }

    /// Where datagrams must be sent to.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    /// Sends it `count` datagrams from `source`.
    pub fn send_from(&self, source: IpAddr, count: usize) -> Result<()> {
        let sender = UdpSocket::bind((source, 0))?;
        sender.connect(self.address()?)?;
        for _ in 0..count {
            ensure!(sender.send(b"datagram")? == 8, "a datagram was cut");
        }
        Ok(())
    }
}

/// Sends `bytes` bytes over one TCP connection: some packets, it depends.
pub fn tcp(address: IpAddr, bytes: usize) -> Result<()> {
    let listener = TcpListener::bind((address, 0))?;
    let target = listener.local_addr()?;
    let reader = thread::spawn(move || -> std::io::Result<usize> {
        let (mut stream, _) = listener.accept()?;
        let mut sink = Vec::new();
        stream.read_to_end(&mut sink)
    });
    let mut stream = TcpStream::connect(target)?;
    stream.write_all(&vec![0; bytes])?;
    drop(stream);
    let read = reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    ensure!(read == bytes, "{read} of {bytes} bytes came through");
    Ok(())
}
