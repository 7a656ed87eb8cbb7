//! Rows as they are written, in each format, and what is read of them.

use crate::base::Micros;

use super::row::{Row, Target, Vantage};
use super::seen::path_number;
use super::{Columns, adds, alb, combined, json, leaves};

const ALB: &str = "https 2026-11-28T07:58:08.250000Z app/front/50dc 192.0.2.7:40112 10.0.0.5:80 0.001 0.120 0.000 502 502 \
     96 412 \"GET https://www.example.com:443/a%20b?c=d&e=https://x/ HTTP/1.1\" \"curl \\\"8\\\" x\" ECDHE TLSv1.2 arn:t \
     \"Root=1-5\" \"www.example.com\" \"arn:c\" 0 2026-11-28T07:58:08.100000Z \"forward\" \"-\" \"-\" \"10.0.0.5:80\" \
     \"502\" \"-\" \"-\" TID_1";

/// A row of a load balancer with other values in some columns.
fn balanced(columns: &[(usize, &str)]) -> Row {
    let mut words: Vec<&str> = ALB.split(' ').collect();
    for (i, value) in columns {
        words[*i] = value;
    }
    Row { vantage: Vantage::LoadBalancer, ..alb::row(&words.join(" ")).unwrap() }
}

#[test]
fn rows_of_load_balancers_are_read() {
    let row = balanced(&[]);
    assert_eq!((row.status, &*row.method, &*row.target), (502, "GET", "/a%20b?c=d&e=https://x/"));
    assert_eq!(row.taken, Some(Micros::from_millis(150)));
    assert!(matches!(row.to, Target::Is(end) if end.to_string() == "10.0.0.5:80"));
    assert_eq!(row.more.as_ref().unwrap().host.as_deref(), Some("www.example.com"));
    assert!(adds(&row).unwrap().contains("the target answered 502 itself"));
    // Before the columns that came later.
    let short = ALB.split(" \"www").next().unwrap();
    assert_eq!(alb::row(short).unwrap().taken, Some(Micros(121_000)));
    assert!(alb::row(ALB.split(" \"GET").next().unwrap()).unwrap_err().contains("12 columns"));
}

#[test]
fn what_load_balancers_say_in_numbers_is_said_in_words() {
    for (columns, said) in [
        (&[(5, "-1"), (6, "-1"), (7, "-1"), (9, "-")][..], "could not hand the request to a target"),
        (&[(6, "-1"), (7, "-1"), (9, "-")], "the target closed, did not answer in time"),
        (&[(7, "-1"), (9, "-")], "no response came back"),
        (&[(8, "460"), (9, "-")], "the client closed the connection"),
        (&[(8, "461"), (9, "-")], "does not explain"),
        (&[(8, "463"), (9, "-")], "more than 30 addresses"),
        (&[(8, "464"), (9, "-")], "does not speak the protocol version"),
        (&[(8, "561"), (9, "-")], "identity provider"),
    ] {
        let row = balanced(columns);
        assert!(row.is_error(), "{said}");
        let told = adds(&row).unwrap();
        assert!(told.contains(said), "{told}");
    }
    assert!(!balanced(&[(8, "404"), (9, "404")]).is_error());
    assert!(leaves(&balanced(&[(4, "-")])).contains("no target"));
    assert!(leaves(&balanced(&[(4, "[2001:db8::6]:80")])).contains("[2001:db8::6]:80"));
}

#[test]
fn rows_of_web_servers_are_read() {
    const COMBINED: &str =
        "192.0.2.7 - alice [28/Nov/2026:08:58:08 +0100] \"GET /a?b=c HTTP/1.1\" 502 552 \"-\" \"curl/8\"";
    let id = format!("{}==", "a".repeat(54));
    for (line, peer, taken, with_id) in [
        (COMBINED.to_owned(), Some("192.0.2.7"), None, false),
        (COMBINED.split(" \"-\"").next().unwrap().to_owned(), Some("192.0.2.7"), None, false),
        (format!("{COMBINED} 0.125"), Some("192.0.2.7"), Some(125_000), false),
        (format!("{COMBINED} \"10.0.0.9\" 0.125 0.124 ."), Some("192.0.2.7"), Some(125_000), false),
        (format!("{COMBINED} rt=0.125 uct=\"0.000\""), Some("192.0.2.7"), Some(125_000), false),
        (format!("{COMBINED} 125000"), Some("192.0.2.7"), Some(125_000), false),
        (format!("{COMBINED} 3"), Some("192.0.2.7"), Some(3_000_000), false),
        (format!("{COMBINED} \"{id}\" 0.125"), Some("192.0.2.7"), Some(125_000), true),
        (format!("www.example.com:443 {COMBINED}"), Some("192.0.2.7"), None, false),
        (COMBINED.replace("192.0.2.7", "2001:db8::7"), Some("2001:db8::7"), None, false),
        (COMBINED.replace("192.0.2.7", "edge.example.com"), None, None, false),
    ] {
        let row = combined::row(&line).unwrap();
        assert_eq!(row.time.to_string(), "2026-11-28T07:58:08.000000000Z", "{line}");
        assert_eq!((row.status, &*row.method, &*row.target), (502, "GET", "/a?b=c"), "{line}");
        assert_eq!(row.peer.map(|ip| ip.to_string()).as_deref(), peer, "{line}");
        assert_eq!((row.taken, row.id.is_some()), (taken.map(Micros), with_id), "{line}");
    }
    // What is no request line has no method.
    let bytes = combined::row(&COMBINED.replace("GET /a?b=c HTTP/1.1", "\\x16\\x03\\x01")).unwrap();
    assert_eq!(&*bytes.method, "");
    for damaged in ["", "192.0.2.7 - -", &COMBINED.replace("Nov", "Foo"), &COMBINED.replace(" 502 ", " - ")] {
        assert!(combined::row(damaged).is_err(), "{damaged}");
    }
}

#[test]
fn columns_are_read_by_their_names() {
    let columns =
        Columns::read("sc-status timestamp(ms),cs-uri-stem\tcs-uri-query x-edge-detailed-result-type").unwrap();
    let row = columns.row("502|1795852688250|/a%2520b|x=%25|OriginDnsError", '|').unwrap();
    assert_eq!((row.status, &*row.target, row.detail()), (502, "/a%20b?x=%", Some("OriginDnsError")));
    for (list, why) in [
        ("", "does not name a time"),
        ("date sc-status", "does not name a time"),
        ("date time", "does not name sc-status"),
        (&"date time sc-status ".repeat(100), "more than"),
    ] {
        let said = Columns::read(list).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn hosts_stand_in_other_fields_of_real_time_records() {
    let host = |list: &str| {
        let row = Columns::read(list).unwrap().row("1795852688.250\t502\tone.example\ttwo.example", '\t').unwrap();
        row.more.unwrap().host.unwrap()
    };
    assert_eq!(&*host("timestamp sc-status cs-host x-host-header"), "one.example");
    assert_eq!(&*host("timestamp sc-status cs(Host) x-host-header"), "two.example");
    let (row, real_time) =
        json::row("{\"timestamp\":\"1795852688\",\"sc-status\":502,\"cs(Host)\":\"d.example\"}").unwrap();
    assert_eq!((row.status, real_time), (502, false));
}

#[test]
fn paths_are_the_same_whatever_encoding_is_left() {
    for (one, other, same) in [
        ("/a%20b?x", "/a b", true),
        ("http://h/a", "/a", true),
        ("/a%2520b", "/a%20b", true),
        ("/a", "/b", false),
        ("/%zz", "/%zz", true),
    ] {
        assert_eq!(path_number(one) == path_number(other), same, "{one} {other}");
    }
}

#[test]
fn an_error_behind_a_custom_page_is_one() {
    let row = |status: &str, result: &str| {
        let columns = Columns::read("timestamp sc-status x-edge-result-type").unwrap();
        columns.row(&format!("1795852688\t{status}\t{result}"), '\t').unwrap().is_error()
    };
    let told =
        [("200", "Error"), ("200", "Miss"), ("404", "Error"), ("502", "Error"), ("000", "Error"), ("503", "Hit")];
    assert_eq!(told.map(|(status, result)| row(status, result)), [true, false, false, true, false, true]);
}
