use super::*;

fn read(words: &[&str]) -> anyhow::Result<DropsOrder> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    drops_order(&words)
}

#[test]
fn shares_are_percent_and_exact() {
    let DropsOrder::Set(drops) = read(&["overload=25%", "test=0.5%", "rare=0.0001%"]).unwrap()
    else {
        panic!();
    };
    let shares: Vec<_> = drops.shares.iter().map(|it| it.per_million).collect();
    assert_eq!(shares, [250_000, 5_000, 1]);
    assert_eq!(drops.shares[0].category, "overload");
    assert_eq!(read(&["clear"]).unwrap(), DropsOrder::Clear);
    assert_eq!(read(&["none"]).unwrap(), DropsOrder::Set(Shares::default()));
}

#[test]
fn what_is_no_share_is_refused_by_name() {
    for bad in ["a", "a=25", "a=-1%", "a=101%", "a=0.00001%", "a=%", "a=1.%"] {
        let error = read(&[bad]).unwrap_err().to_string();
        assert!(error.contains(&format!("{bad:?}")), "{error}");
    }
    for lone in ["clear", "none"] {
        let error = read(&["a=1%", lone]).unwrap_err().to_string();
        assert!(error.contains("stands alone"), "{error}");
    }
}
