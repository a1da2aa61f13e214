use super::*;

#[test]
fn head_and_rest_are_one_run_of_bytes() {
    let payload = || Payload::new(Bytes::from_static(b"head"), Bytes::from_static(b"rest"));
    for skip in 0..=8 {
        let mut it = payload();
        it.advance(skip);
        assert_eq!(it.remaining(), 8 - skip);
        let mut slices = [IoSlice::new(&[]); 4];
        let n = it.chunks_vectored(&mut slices);
        let vectored: Vec<u8> = slices[..n].iter().flat_map(|it| it.to_vec()).collect();
        assert_eq!(vectored, b"headrest"[skip..]);
        assert_eq!(it.copy_to_bytes(8 - skip), b"headrest"[skip..]);
    }
    let whole = payload();
    let mut one = [IoSlice::new(&[])];
    assert_eq!(whole.chunks_vectored(&mut one), 1);
    assert_eq!(&*one[0], b"head");
}

#[test]
fn plain_bytes_have_no_head() {
    let payload = Payload::from(Bytes::from_static(b"rest"));
    assert_eq!(payload.chunk(), b"rest");
}
