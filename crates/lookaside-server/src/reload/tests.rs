use super::*;
use crate::tls::{
    Reloader,
    testing::{Ca, Files},
};

/// Whatever it is told to say.
#[derive(Debug)]
struct Others(Vec<Reloaded>);

#[async_trait]
impl Reload for Others {
    async fn reload(&self) -> Vec<Reloaded> {
        self.0.clone()
    }
}

/// Never answers.
#[derive(Debug)]
struct Hangs;

#[async_trait]
impl Reload for Hangs {
    async fn reload(&self) -> Vec<Reloaded> {
        std::future::pending().await
    }
}

fn outcomes(all: &[Reloaded]) -> Vec<(&str, ReloadOutcome)> {
    all.iter().map(|it| (&*it.what, it.outcome)).collect()
}

#[tokio::test]
async fn each_certificate_file_says_what_came_of_it_and_a_broken_one_is_named() {
    let ca = Ca::new("ca");
    let files = Files::new(&ca.leaf(&[]), Some(&ca));
    let (asks, asked) = mpsc::channel(1);
    let reloader = Reloader::new(files.tls.clone()).unwrap();
    let following = tokio::spawn(reloader.run(asked));
    let reloads = Reloads::new(Some(asks), None);
    use ReloadOutcome::{Changed, Failed, Same};
    assert_eq!(
        outcomes(&reloads.all().await),
        [
            ("tls.cert", Same),
            ("tls.key", Same),
            ("tls.client_ca", Same)
        ]
    );
    let new = ca.leaf(&[]);
    files.write("cert.pem", &new.cert);
    // Half of a change: nothing is taken.
    let half = reloads.all().await;
    assert_eq!(outcomes(&half), [("tls.key", Failed)]);
    assert!(half[0].detail.contains("is not the key of"), "{half:?}");
    files.write("key.pem", &new.key);
    assert_eq!(
        outcomes(&reloads.all().await),
        [
            ("tls.cert", Changed),
            ("tls.key", Changed),
            ("tls.client_ca", Same)
        ]
    );
    files.write("ca.pem", "rubbish");
    for _ in 0..2 {
        let broken = reloads.all().await;
        assert_eq!(outcomes(&broken), [("tls.client_ca", Failed)]);
        assert!(broken[0].file.ends_with("ca.pem"), "{broken:?}");
        assert!(broken[0].detail.contains("stay in use"), "{broken:?}");
    }
    following.abort();
}

#[tokio::test]
async fn what_the_program_reads_itself_is_read_too() {
    let own = Reloaded {
        what: "tokens.keys".into(),
        file: "/token.key".into(),
        outcome: ReloadOutcome::Changed,
        detail: String::new(),
    };
    let reloads = Reloads::new(None, Some(Arc::new(Others(vec![own.clone()]))));
    assert_eq!(reloads.all().await, [own]);
    assert_eq!(Reloads::new(None, None).all().await, []);
}

#[tokio::test(start_paused = true)]
async fn files_that_hang_do_not_keep_whoever_asked() {
    let (asks, _never_answered) = mpsc::channel(1);
    let reloads = Reloads::new(Some(asks), Some(Arc::new(Hangs)));
    let failed = ReloadOutcome::Failed;
    let all = reloads.all().await;
    assert_eq!(outcomes(&all), [("tls", failed), ("files", failed)]);
    assert!(all[0].detail.contains("3 s"), "{all:?}");
}
