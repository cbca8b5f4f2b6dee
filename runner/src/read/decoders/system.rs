//! What numbers of the operating system are called: calls, errors, signals, processes, times.

use std::fs;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::time::{ClockId, clock_gettime};

use crate::read::decoders::{Field, Lookups, plain};
use crate::read::value::Value;
use crate::syscall_table;

/// The call's name on the architecture that this program was built for.
pub(super) fn syscall(number: i128, _: &mut Lookups) -> Value {
    let known = u32::try_from(number).ok().and_then(syscall_table::name);
    known.map_or(plain(number), |name| Value::Text(name.into()))
}

/// The error's name. Kernel functions return errors negated, and fields often hold them without a
/// sign: both are looked through.
pub(super) fn errno(field: Field<'_>, _: &mut Lookups) -> Option<Value> {
    let number = field.number()?;
    let signed = match field.layout.size() {
        4 => i128::from(number as i32),
        8 => i128::from(number as i64),
        _ => number,
    };
    let known = i32::try_from(signed.unsigned_abs()).map(Errno::from_raw);
    Some(match known {
        Ok(errno) if errno != Errno::UnknownErrno => Value::Text(format!("{errno:?}")),
        _ => plain(number),
    })
}

pub(super) fn signal(number: i128, _: &mut Lookups) -> Value {
    let known = i32::try_from(number).ok().and_then(|number| Signal::try_from(number).ok());
    known.map_or(plain(number), |signal| Value::Text(signal.as_str().into()))
}

/// The number of a signal's name.
pub(super) fn signal_number(name: &str) -> Option<i128> {
    name.parse::<Signal>().ok().map(|signal| i128::from(signal as i32))
}

/// A process or thread as logs write it, `name[id]`; one that has ended is `[id]`.
pub(super) fn process(id: i128, lookups: &mut Lookups) -> Value {
    let name = lookups.processes.get(id, || {
        // The idle tasks are all 0 and have no directory in /proc.
        if id == 0 {
            return Some("swapper".into());
        }
        let id = u32::try_from(id).ok()?;
        let name = fs::read(format!("/proc/{id}/comm")).ok()?;
        Some(String::from_utf8_lossy(name.trim_ascii_end()).into_owned())
    });
    Value::Text(format!("{}[{id}]", name.unwrap_or_default()))
}

/// A time of the monotonic clock, which `bpf_ktime_get_ns` reads, in UTC. Right as long as nobody
/// set the clock between the event and now.
pub(super) fn time(nanoseconds: i128, lookups: &mut Lookups) -> Value {
    let wall = boot(lookups).and_then(|boot| wall_time(nanoseconds, boot));
    wall.map_or(plain(nanoseconds), Value::Text)
}

fn boot(lookups: &mut Lookups) -> Option<i128> {
    if lookups.boot.is_none() {
        let now = |clock| {
            let time = Duration::from(clock_gettime(clock).ok()?);
            i128::try_from(time.as_nanos()).ok()
        };
        lookups.boot = Some(now(ClockId::CLOCK_REALTIME)? - now(ClockId::CLOCK_MONOTONIC)?);
    }
    lookups.boot
}

fn wall_time(nanoseconds: i128, boot: i128) -> Option<String> {
    // Neither before the epoch nor after the year 2554: `humantime` panics beyond the years 1970 to 9999.
    let since_epoch = u64::try_from(nanoseconds.checked_add(boot)?).ok()?;
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(since_epoch);
    Some(humantime::format_rfc3339_micros(time).to_string())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use nix::time::{ClockId, clock_gettime};

    use crate::desired::Decoder;
    use crate::read::Value;
    use crate::read::decoders::system::wall_time;
    use crate::read::sample::{decoded, signed, unsigned};
    use crate::syscall_table;

    fn of_u32(decoder: &Decoder, number: u32) -> Value {
        decoded(decoder, &unsigned(4), &number.to_le_bytes())
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn system_calls_of_this_architecture() {
        let (execve, _) = syscall_table::all()
            .find(|(_, name)| *name == "execve")
            .expect("every architecture has it");
        assert_eq!(of_u32(&Decoder::Syscall, execve), text("execve"));
        assert_eq!(of_u32(&Decoder::Syscall, 0x4000_0000), Value::Unsigned(0x4000_0000));
        if cfg!(target_arch = "x86_64") {
            assert_eq!(of_u32(&Decoder::Syscall, 59), text("execve"));
            assert_eq!(of_u32(&Decoder::Syscall, 222), text("timer_create"));
        }
    }

    #[test]
    fn errors_of_either_sign_and_of_fields_without_one() {
        assert_eq!(of_u32(&Decoder::Errno, 2), text("ENOENT"));
        assert_eq!(decoded(&Decoder::Errno, &signed(4), &(-13_i32).to_le_bytes()), text("EACCES"));
        assert_eq!(of_u32(&Decoder::Errno, (-16_i32).cast_unsigned()), text("EBUSY"));
        assert_eq!(decoded(&Decoder::Errno, &unsigned(8), &(-1_i64).to_le_bytes()), text("EPERM"));
        assert_eq!(of_u32(&Decoder::Errno, 0), Value::Unsigned(0));
        assert_eq!(of_u32(&Decoder::Errno, 512), Value::Unsigned(512));
        assert_eq!(
            decoded(&Decoder::Errno, &signed(8), &i64::MIN.to_le_bytes()),
            Value::Signed(i64::MIN.into())
        );
    }

    #[test]
    fn signals() {
        assert_eq!(of_u32(&Decoder::Signal, 9), text("SIGKILL"));
        assert_eq!(of_u32(&Decoder::Signal, 0), Value::Unsigned(0));
        assert_eq!(of_u32(&Decoder::Signal, 64), Value::Unsigned(64));
    }

    #[test]
    fn a_living_process_has_its_name_and_a_dead_one_none() {
        let mut child =
            std::process::Command::new("sleep").arg("60").spawn().expect("sleep starts");
        // The parent goes on a moment before the child has its new name.
        let expected = text(&format!("sleep[{}]", child.id()));
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        let mut living = of_u32(&Decoder::Process, child.id());
        while living != expected && std::time::Instant::now() < deadline {
            living = of_u32(&Decoder::Process, child.id());
        }
        child.kill().expect("it lives");
        child.wait().expect("it ends");
        assert_eq!(living, expected);
        assert_eq!(of_u32(&Decoder::Process, child.id()), text(&format!("[{}]", child.id())));
        assert_eq!(of_u32(&Decoder::Process, 0), text("swapper[0]"));
        assert_eq!(of_u32(&Decoder::Process, u32::MAX), text("[4294967295]"));
    }

    #[test]
    fn wall_times_have_microseconds_and_bounds() {
        let boot = 1_700_000_000_000_000_000;
        assert_eq!(wall_time(1_234_567_890, boot).as_deref(), Some("2023-11-14T22:13:21.234567Z"));
        assert_eq!(wall_time(-1, 0), None);
        assert_eq!(wall_time(i128::MAX, boot), None);
        assert!(wall_time(0, u64::MAX.into()).is_some_and(|time| time.starts_with("2554-")));
    }

    #[test]
    fn the_monotonic_clocks_now_is_now() {
        let monotonic = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the clock is there");
        let nanoseconds = u64::try_from(Duration::from(monotonic).as_nanos()).expect("not so long");
        let Value::Text(shown) = decoded(&Decoder::Time, &unsigned(8), &nanoseconds.to_le_bytes())
        else {
            panic!("a time is text");
        };
        let shown = humantime::parse_rfc3339(&shown).expect("RFC 3339");
        let apart =
            SystemTime::now().duration_since(shown).unwrap_or_else(|early| early.duration());
        assert!(apart < Duration::from_secs(5), "{apart:?} apart");
    }
}
