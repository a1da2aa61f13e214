//! A balancer that dies, leaves, goes silent and comes back.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use lookaside_proto::v1::{GetServiceRequest, LoadReport, inspect_client::InspectClient};
use lookaside_registry::names::Names;
use lookaside_server::{Balancer, Config, Probes};
use tokio::{sync::watch, task::JoinSet, time::timeout};
use tonic::transport::Endpoint;

use crate::{net::Net, prober::NetProber, view::View, witness::Witness};

pub struct Replica {
    pub index: usize,
    pub at: SocketAddr,
    pub view: Arc<View>,
    net: Net,
    witness: Witness,
    report_interval: Duration,
    running: Option<Running>,
}

struct Running {
    balancer: Arc<Balancer>,
    /// Accepts, and owns the connections.
    _tasks: JoinSet<()>,
    _names: watch::Sender<Arc<Names>>,
}

impl Replica {
    pub fn new(
        index: usize,
        at: SocketAddr,
        view: View,
        net: Net,
        witness: Witness,
        report_interval: Duration,
    ) -> Self {
        Self {
            index,
            at,
            view: Arc::new(view),
            net,
            witness,
            report_interval,
            running: None,
        }
    }

    pub fn start(&mut self) {
        // Nobody uses these ports: clients come over the network in memory.
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config = Config {
            listen: any,
            admin: any,
            ..Config::default()
        };
        config.lists.report_interval = self.report_interval;
        let prober = NetProber::new(&self.net, format!("prober of {}", self.index));
        config.probes = Probes::new(Arc::new(prober));
        let (names, names_seen) = watch::channel(Arc::default());
        let view = Arc::<View>::clone(&self.view);
        let balancer = Balancer::start(config, view, names_seen).expect("two loopback ports");
        let balancer = Arc::new(balancer);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(Arc::clone(&balancer), self.net.clone(), self.at));
        self.running = Some(Running {
            balancer,
            _tasks: tasks,
            _names: names,
        });
        self.witness.replica(self.index, true);
    }

    /// As by SIGKILL.
    pub fn kill(&mut self) {
        self.witness.replica(self.index, false);
        self.net.close(self.at);
        self.net.cut(self.at);
        self.running = None;
    }

    /// As when its machine vanishes.
    pub fn black_hole(&mut self) {
        self.witness.replica(self.index, false);
        self.net.black_hole(self.at);
    }

    /// Cuts its connections, as a bad switch does.
    pub fn cut(&self) {
        self.net.cut(self.at);
    }

    /// As by SIGTERM; returns at once with what has to be waited for.
    pub fn drain(&mut self) -> impl Future<Output = ()> + use<> {
        self.witness.replica(self.index, false);
        self.net.close(self.at);
        let running = self.running.take();
        async move {
            if let Some(running) = running {
                running.balancer.shutdown().await;
            }
        }
    }

    /// What clients reported to it.
    pub async fn reported(&self, service: &str) -> Result<LoadReport, String> {
        let endpoint = Endpoint::try_from(format!("http://{}", self.at)).expect("an address");
        let asked = async {
            let channel = endpoint
                .connect_with_connector(self.net.dialer("inspector"))
                .await
                .map_err(|error| format!("{error:?}"))?;
            let request = GetServiceRequest {
                name: service.to_owned(),
            };
            let answer = InspectClient::new(channel).get_service(request).await;
            answer.map_err(|status| status.to_string())
        };
        let answer = timeout(Duration::from_secs(5), asked)
            .await
            .map_err(|_| "no answer within 5 s".to_owned())??;
        Ok(answer.into_inner().reported.unwrap_or_default())
    }
}

async fn accept(balancer: Arc<Balancer>, net: Net, at: SocketAddr) {
    balancer.ready().await;
    let mut incoming = net.listen(at);
    let mut connections = JoinSet::new();
    let peer = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    while let Some(end) = incoming.recv().await {
        let balancer = Arc::clone(&balancer);
        connections.spawn(async move { balancer.serve_connection(end, peer).await });
        while connections.try_join_next().is_some() {}
    }
    // The listener is closed in a drain; the connections go on.
    while connections.join_next().await.is_some() {}
}
