//! The examples of RFC 7541 appendix C, and what no block may be.

use super::{Decoder, Defect, Failure, MAX_TABLE};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter(|c| !c.is_whitespace()).filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<String, Failure> {
    let mut told = String::new();
    decoder.decode(block, &mut |field| {
        told += &format!("{}: {}\n", field.name.escape_ascii(), field.value.escape_ascii());
    })?;
    Ok(told)
}

const FIRST: &str = ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n";
const SECOND: &str = ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache\n";
const THIRD: &str =
    ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value\n";
const MONDAY: &str = "date: Mon, 21 Oct 2013 20:13:21 GMT\n";
const LATER: &str = "date: Mon, 21 Oct 2013 20:13:22 GMT\n";
const PLACE: &str = "location: https://www.example.com\n";

/// Sequences of blocks, each with the fields it stands for and the size of the table after it.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn the_examples_of_the_standard() {
    let moved = format!(":status: 302\ncache-control: private\n{MONDAY}{PLACE}");
    let again = format!(":status: 307\ncache-control: private\n{MONDAY}{PLACE}");
    let cookie = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n";
    let last = format!(":status: 200\ncache-control: private\n{LATER}{PLACE}content-encoding: gzip\n{cookie}");
    type Blocks<'a> = &'a [(&'a str, &'a str, usize)];
    let table: [(&str, u32, Blocks<'_>); 7] = [
        (
            "C.2.1",
            4_096,
            &[("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key: custom-header\n", 55)],
        ),
        ("C.2.2", 4_096, &[("040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path\n", 0)]),
        ("C.2.3", 4_096, &[("1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret\n", 0)]),
        (
            "C.3",
            4_096,
            &[
                ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", FIRST, 57),
                ("8286 84be 5808 6e6f 2d63 6163 6865", SECOND, 110),
                ("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", THIRD, 164),
            ],
        ),
        (
            "C.4",
            4_096,
            &[
                ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", FIRST, 57),
                ("8286 84be 5886 a8eb 1064 9cbf", SECOND, 110),
                ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", THIRD, 164),
            ],
        ),
        (
            "C.5",
            256,
            &[
                (
                    "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                    &moved,
                    222,
                ),
                ("4803 3330 37c1 c0bf", &again, 222),
                (
                    "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
                    &last,
                    215,
                ),
            ],
        ),
        (
            "C.6",
            256,
            &[
                (
                    "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
                    &moved,
                    222,
                ),
                ("4883 640e ffc1 c0bf", &again, 222),
                (
                    "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
                    &last,
                    215,
                ),
            ],
        ),
    ];
    for (name, size, blocks) in table {
        let mut decoder = Decoder::new();
        decoder.max = size;
        for (block, fields, size) in blocks {
            assert_eq!(decode(&mut decoder, &bytes(block)).as_deref(), Ok(*fields), "{name}");
            assert_eq!(decoder.dynamic.size(), *size, "{name}");
        }
    }
}

#[test]
fn blocks_that_are_none() {
    use Defect::{Huffman, Index, Integer, TableSize, Truncated};
    for (block, defect) in [
        ("80", Index),
        ("be", Index),
        ("7f 80 80 80 10 00 00", Index),
        ("40", Truncated),
        ("40 0a 63", Truncated),
        ("ff", Truncated),
        ("ff ff ff ff ff ff ff 0f", Integer),
        ("ff 80 80 80 80 10", Integer),
        ("40 81 00 00", Huffman),
        ("40 84 ff ff ff ff 00", Huffman),
        // A table of 4,097 bytes, and a change after a field.
        ("3f e2 1f", TableSize),
        ("82 3f e1 1f", TableSize),
    ] {
        assert_eq!(decode(&mut Decoder::new(), &bytes(block)), Err(Failure::Wrong(defect)), "{block}");
    }
    assert_eq!(decode(&mut Decoder::new(), &bytes("20 3f e1 1f 82")).as_deref(), Ok(":method: GET\n"));
}

#[test]
fn a_table_that_the_peer_allows_is_followed_up_to_a_bound() {
    let mut decoder = Decoder::new();
    decoder.allow(u32::MAX);
    // 65,536 and 65,537.
    assert_eq!(decode(&mut decoder, &bytes("3f e1 ff 03")), Ok(String::new()));
    assert_eq!(decoder.max, MAX_TABLE);
    assert_eq!(decode(&mut decoder, &bytes("3f e2 ff 03")), Err(Failure::TooLarge));
}

#[test]
fn a_bomb_is_no_larger_than_its_bytes() {
    // One field of 4,000 bytes, named again by every byte of the next block.
    let mut decoder = Decoder::new();
    let mut block = vec![0x40, 1, b'x', 0x7f, 0xa1, 0x1e];
    block.extend([b'y'; 4_000]);
    assert!(decode(&mut decoder, &block).is_ok());
    let mut fields = 0;
    decoder.decode(&vec![0xbe; 60_000], &mut |field| fields += usize::from(field.value.len() == 4_000)).unwrap();
    assert_eq!(fields, 60_000);
    // A field that does not fit empties the table (section 4.4).
    let mut giant = vec![0x40, 1, b'x', 0x7f, 0x81, 0x7f];
    giant.extend([b'y'; 16_384]);
    assert!(decode(&mut decoder, &giant).is_ok());
    assert_eq!(decoder.dynamic.size(), 0);
}
