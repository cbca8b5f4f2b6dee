//! Decoders: how values are shown, by their names in a probe file. One list; what each of them takes and
//! shows is a row in `read/decoders.rs`.

use crate::spec::values::{Entries, Scalar};
use crate::text::source::At;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A decoder as it was written.
pub type DecoderSpec = Decoder<Entries<At<Scalar>>>;

macro_rules! decoders {
    ($($(#[doc = $line:literal])+ $variant:ident $name:literal)*) => {
        /// How a number or bytes become text. `Names` is what `static` says: as it was written, or bound.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[schemars(rename = "DecoderSpec", description = "How a number or bytes become text.")]
        pub enum Decoder<Names> {
            $($(#[doc = $line])+ #[serde(rename = $name)] $variant,)*
            /// A name for each number.
            #[serde(rename = "static")]
            #[schemars(example = json!({ "static": { "0": "none", "1": "some" } }))]
            Static(Names),
        }

        impl<Names> Decoder<Names> {
            /// Every decoder that needs nothing but its name.
            pub fn plain() -> impl Iterator<Item = Decoder<Names>> {
                [$(Decoder::$variant,)*].into_iter()
            }

            /// The decoder's name in a probe file.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Decoder::$variant => $name,)*
                    Decoder::Static(_) => "static",
                }
            }

            /// The same with other names.
            pub fn with_names<Other>(&self, names: impl FnOnce(&Names) -> Other) -> Decoder<Other> {
                match self {
                    $(Decoder::$variant => Decoder::$variant,)*
                    Decoder::Static(written) => Decoder::Static(names(written)),
                }
            }
        }
    };
}

decoders! {
    /// A network device's name from its index.
    Ifname "ifname"
    /// An IPv4 or IPv6 address from 4 or 16 bytes in network order.
    Ip "ip"
    /// An IPv4 address from a number in the machine's byte order.
    IpHost "ip_host"
    /// A port number in the machine's byte order.
    Port "port"
    /// A port number in network byte order.
    PortNet "port_net"
    /// A MAC address from 6 bytes.
    Mac "mac"
    /// A system call's name on this machine's architecture.
    Syscall "syscall"
    /// An error number's name.
    Errno "errno"
    /// A signal's name.
    Signal "signal"
    /// A process from its id, as `name[id]`; `[id]` once it has ended.
    Process "process"
    /// A user's name from its id.
    User "user"
    /// A group's name from its id.
    Group "group"
    /// A control group's path from its id (`bpf_get_current_cgroup_id`).
    Cgroup "cgroup"
    /// A block or character device from its number in the kernel (`dev_t`).
    Device "device"
    /// A function of the kernel from an address in it.
    Ksym "ksym"
    /// Calls in the kernel, innermost first: from an array of addresses, or from the id that `bpf_get_stackid`
    /// gave, which is looked up in the probe's map of stack traces.
    Kstack "kstack"
    /// Calls in a process, as `kstack`; the process is the one of the field `tgid` or `pid` beside it.
    Ustack "ustack"
    /// Nanoseconds as a duration.
    Duration "duration"
    /// Nanoseconds since boot (`bpf_ktime_get_ns`) as a time of day, in UTC.
    Time "time"
    /// A number of bytes with a binary unit.
    Bytes "bytes"
    /// Hexadecimal.
    Hex "hex"
    /// Text up to the first NUL.
    String "string"
    /// `true` or `false`.
    Bool "bool"
}
