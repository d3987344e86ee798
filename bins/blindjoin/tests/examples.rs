//! The examples do what they say.

use std::path::Path;

#[expect(dead_code, reason = "every clone has what these tests read")]
#[path = "../../../tests/common/data.rs"]
mod data;
#[expect(dead_code, reason = "it is a program, too")]
#[path = "../../../examples/link_in_process.rs"]
mod link_in_process;
#[expect(dead_code, reason = "it is a program, too")]
#[path = "../../../examples/match_files.rs"]
mod match_files;
#[expect(dead_code, reason = "it is a program, too")]
#[path = "../../../examples/tokenize_file.rs"]
mod tokenize_file;

use blindjoin_protocol::paillier::KeySize;
use blindjoin_record::RuleSet;

const OURS: &str = "RecordId,FirstName,LastName,BirthDate,Sex,PostalCode,SocialSecurityNumber\n\
                    q1,Ana,Kowalski,1974-05-19,F,55401,561-69-0586\n\
                    q2,Tom,Brook,1982-11-03,M,30301,345-54-3795\n";
const THEIRS: &str = "RecordId,FirstName,LastName,BirthDate,Sex,PostalCode,SocialSecurityNumber\n\
                      p7,ANA,Kowalski,05/19/1974,Female,55401,561690586\n\
                      p8,Tim,Brook,1982-11-03,M,30301,\n";

#[test]
fn two_files_are_tokenized_and_matched() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("a folder of our own");
    let tokens = [("ours", OURS), ("theirs", THEIRS)].map(|(name, people)| {
        let [input, output] =
            ["people", "tokens"].map(|what| folder.join(format!("{name}_{what}.csv")));
        std::fs::write(&input, people).expect("a file of people");
        let written = tokenize_file::tokenize(&input, &output, "HashingKey").expect("tokens");
        assert_eq!(written, 10, "two records, five rules");
        output
    });
    let [ours, theirs] = &tokens;
    let matched = |strategy| match_files::matched(ours, theirs, strategy).expect("matches");
    let pair = |theirs: &str, rules: &str| ["q1", theirs, rules].map(str::to_owned);
    assert_eq!(matched("all"), [pair("p7", "T1;T2;T3;T4;T5")]);
    assert_eq!(matched("any").len(), 2, "Tom and Tim have one initial");
}

#[test]
fn two_registries_are_linked_in_one_process() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rules/febrl-ndi.toml");
    let rules = std::fs::read_to_string(rules).expect("a rules file of the examples");
    let rules = RuleSet::from_toml(&rules).expect("valid rules");
    let [ours, theirs] =
        ["dataset4a.csv", "dataset4b.csv"].map(|name| data::own("febrl").join(name));
    let key_size = KeySize::insecure_test_key(512).expect("a size for tests");
    let matched = link_in_process::link(&ours, &theirs, &rules, key_size).expect("a linkage");
    // All 200 people are in both files, a few of them with too many errors.
    assert!((198..=200).contains(&matched.len()), "{}", matched.len());
}
