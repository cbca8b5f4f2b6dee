//! What of the two texts, and of compression, a request asks for.

use mediatype::{MediaType, MediaTypeList, Name, ReadParams};

use crate::read::sinks::prometheus::Format;

/// The text that is wanted most; Prometheus's own where nothing that there is was asked for.
pub fn format(accept: Option<&str>) -> Format {
    let wanted = MediaTypeList::new(accept.unwrap_or_default()).filter_map(Result::ok);
    let mut best = (Format::Text, 0.0);
    for one in wanted {
        // The first of several that are wanted alike is taken.
        if let Some(format) = of(&one)
            && quality(&one) > best.1
        {
            best = (format, quality(&one));
        }
    }
    best.0
}

fn of(wanted: &MediaType<'_>) -> Option<Format> {
    let is = |name| wanted.get_param(version()).is_none_or(|value| value.as_str() == name);
    match (wanted.ty.as_str(), wanted.subty.as_str()) {
        ("application", "openmetrics-text") if is("1.0.0") => Some(Format::OpenMetrics),
        ("text", "plain") if is("0.0.4") => Some(Format::Text),
        ("text" | "*", "*") => Some(Format::Text),
        _ => None,
    }
}

fn version() -> Name<'static> {
    Name::new_unchecked("version")
}

fn quality(wanted: &MediaType<'_>) -> f64 {
    let quality = wanted.get_param(mediatype::names::Q);
    quality.map_or(1.0, |quality| quality.as_str().trim().parse().unwrap_or(0.0))
}

/// Whether the answer may be compressed.
pub fn gzip(accept_encoding: Option<&str>) -> bool {
    let codings = accept_encoding.unwrap_or_default().split(',');
    codings.into_iter().any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let quality = quality.trim().strip_prefix("q=").unwrap_or("0");
        name.trim().eq_ignore_ascii_case("gzip")
            && quality.parse::<f64>().is_ok_and(|quality| quality > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::{format, gzip};
    use crate::read::sinks::prometheus::Format;

    #[test]
    fn scrapers_get_what_they_ask_for() {
        for (accept, wanted) in [
            // Prometheus 2 and 3, and what people use.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3",
                Format::OpenMetrics,
            ),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Text),
            ("*/*", Format::Text),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format::OpenMetrics),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text;version=2.0.0", Format::Text),
            ("application/openmetrics-text;version=0.0.1", Format::Text),
            ("application/openmetrics-text;q=0, */*", Format::Text),
            ("text/plain;version=0.0.4, application/openmetrics-text;q=0.5", Format::Text),
            ("application/vnd.google.protobuf;proto=x", Format::Text),
            ("?;;,,=", Format::Text),
            ("", Format::Text),
        ] {
            assert_eq!(format(Some(accept)), wanted, "{accept}");
        }
        assert_eq!(format(None), Format::Text);
    }

    #[test]
    fn gzip_has_to_be_asked_for() {
        for accept in ["gzip", "deflate, gzip;q=0.5", "br,GZIP", "gzip; q=1.0"] {
            assert!(gzip(Some(accept)), "{accept}");
        }
        for accept in ["", "identity", "gzip;q=0", "gzip;q=0.000", "x-gzipped", "*"] {
            assert!(!gzip(Some(accept)), "{accept}");
        }
        assert!(!gzip(None));
    }
}
