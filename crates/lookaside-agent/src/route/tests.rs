use super::*;

#[tokio::test]
async fn a_concrete_address_is_advertised_as_it_is() {
    let listen = "127.0.0.1:50051".parse().unwrap();
    let advertised = advertised(listen, &[]).await.unwrap();
    assert_eq!(advertised.to_string(), "127.0.0.1:50051");
}

#[tokio::test]
async fn a_wildcard_becomes_the_local_address_of_the_route() {
    let listen = "0.0.0.0:50051".parse().unwrap();
    let towards = ["127.0.0.1:7400".parse().unwrap()];
    let advertised = advertised(listen, &towards).await.unwrap();
    assert_eq!(advertised.to_string(), "127.0.0.1:50051");
}

#[tokio::test]
async fn a_wildcard_without_a_route_asks_for_the_address() {
    let listen = "0.0.0.0:50051".parse().unwrap();
    let error = advertised(listen, &[]).await.unwrap_err().to_string();
    assert!(error.contains("state the address to advertise"), "{error}");
}
