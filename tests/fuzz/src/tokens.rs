//! Token files, which come from partners: rows, sealed tokens, metadata, and how they are compared.

use std::io::Cursor;

use blindjoin_columnar::{ReadOptions, Reader};
use blindjoin_token::{
    EncryptionKey, Error, Limits, Matches, Opened, Pair, Sealer, SecretHashes, Strategy, TokenKey,
    TokenTable, TokenTableBuilder, is_blank, is_sealed,
};

/// The first byte chooses what the rest is: a metadata file, a token, a token to be sealed under
/// the twelve bytes before it, a strategy, or a strategy, a line end and two token files with an
/// empty line between them.
pub fn tokens(input: &[u8]) -> bool {
    let Some((&choice, rest)) = input.split_first() else {
        return false;
    };
    if choice % 5 == 2 {
        return seal(rest);
    }
    let Ok(text) = std::str::from_utf8(rest) else {
        return false;
    };
    match choice % 5 {
        0 => SecretHashes::from_metadata(text).is_ok(),
        1 => token(text),
        3 => strategy(text),
        _ => compare(text),
    }
}

fn sealer() -> Sealer {
    let key = "Secret-Encryption-Key-Goes-Here.";
    Sealer::new(&EncryptionKey::new(key).expect("a key of 32 bytes"))
}

/// A token is blank, sealed, or has a key; what does not open leaves nothing behind.
fn token(token: &str) -> bool {
    let key = TokenKey::read(token);
    match &key {
        Ok(None) => assert!(is_blank(token)),
        Ok(Some(_)) => assert!(!is_blank(token) && !is_sealed(token)),
        Err(Error::Sealed) => assert!(is_sealed(token)),
        Err(error) => assert!(
            matches!(error, Error::WrappedToken | Error::NotAToken { .. }),
            "{error}"
        ),
    }
    let mut out = String::from("before");
    match sealer().open(token, &mut out) {
        Ok(Opened::Blank) => assert!(is_blank(token) && out == format!("before{token}")),
        Ok(Opened::Token) => assert!(is_sealed(token) && out.starts_with("before")),
        Err(Error::Authentication) => assert!(is_sealed(token) && out == "before"),
        Err(error) => {
            assert!(matches!(error, Error::NotSealed { .. }), "{error}");
            assert!(!is_sealed(token) && out == "before");
        }
    }
    key.is_ok()
}

/// What is sealed opens to itself; with one character changed it does not open.
fn seal(input: &[u8]) -> bool {
    let Some((iv, token)) = input.split_first_chunk::<12>() else {
        return false;
    };
    let Ok(token) = std::str::from_utf8(&token[..token.len().min(64)]) else {
        return false;
    };
    let sealer = sealer();
    let (mut sealed, mut opened) = (String::new(), String::new());
    sealer.seal_with(token, *iv, &mut sealed);
    // A sealed token is recognised by its length, which short texts do not have.
    if is_blank(token) || !is_sealed(&sealed) {
        return false;
    }
    assert_eq!(sealer.open(&sealed, &mut opened), Ok(Opened::Token));
    assert_eq!(opened, token);
    let at = usize::from(iv[0]) % sealed.trim_end_matches('=').len();
    let other = if sealed.as_bytes()[at] == b'A' {
        "B"
    } else {
        "A"
    };
    sealed.replace_range(at..=at, other);
    assert!(sealer.open(&sealed, &mut opened).is_err());
    assert_eq!(opened, token, "nothing is appended");
    true
}

/// A strategy is what its text says.
fn strategy(text: &str) -> bool {
    let Ok(strategy) = text.parse::<Strategy>() else {
        return false;
    };
    assert_eq!(strategy.to_string().parse(), Ok(strategy));
    true
}

/// Matches are symmetric, and each has a rule.
fn compare(text: &str) -> bool {
    let (strategy, files) = text.split_once('\n').unwrap_or(("any", text));
    let (left, right) = files.split_once("\n\n").unwrap_or((files, files));
    let (Ok(strategy), Some(left), Some(right)) = (strategy.parse(), load(left), load(right))
    else {
        return false;
    };
    let there = matches(&left, &right, &strategy);
    let back = matches(&right, &left, &strategy);
    if let (Some(there), Some(back)) = (&there, &back) {
        assert!(there.iter().all(|(_, _, rules)| !rules.is_empty()));
        let mut turned: Vec<_> = back.iter().map(|(l, r, rules)| (*r, *l, rules)).collect();
        turned.sort_unstable();
        assert!(there.iter().map(|(l, r, rules)| (*l, *r, rules)).eq(turned));
    }
    there.is_some()
}

/// The pairs, and the rules of each in the order of their names.
fn matches(
    left: &TokenTable,
    right: &TokenTable,
    strategy: &Strategy,
) -> Option<Vec<(u32, u32, Vec<String>)>> {
    let limits = Limits {
        pairs: 10_000,
        records_per_token: Some(100),
    };
    let found = Matches::find(left, right, strategy, &limits).ok()?;
    let pair = |pair: &Pair| {
        let mut rules: Vec<String> = found.rules_of(*pair).map(str::to_owned).collect();
        rules.sort_unstable();
        (pair.left, pair.right, rules)
    };
    Some(found.pairs().iter().map(pair).collect())
}

/// Reads a token file as `blindjoin match` does.
fn load(text: &str) -> Option<TokenTable> {
    let options = ReadOptions {
        duplicate_columns: true,
        ..ReadOptions::strict()
    };
    let source = Box::new(Cursor::new(text.as_bytes().to_vec()));
    let mut reader = Reader::from_csv(source, "tokens".into(), None, options).ok()?;
    let column = |name: &str| {
        let columns = reader.columns();
        columns
            .iter()
            .position(|column| column.trim().eq_ignore_ascii_case(name))
    };
    let rule = column("RuleId");
    let id = if rule.is_some() { "RecordId" } else { "person" };
    let (token, id) = (column("Token")?, column(id)?);
    let mut table = TokenTableBuilder::new();
    for chunk in reader.by_ref() {
        let chunk = chunk.ok()?;
        for row in chunk.rows().iter() {
            let cell = |column| row.cell(column).unwrap_or("");
            let key = TokenKey::read(cell(token)).ok()?;
            table.push(rule.map_or("HTAC", cell), key, cell(id)).ok()?;
        }
    }
    Some(table.finish())
}
