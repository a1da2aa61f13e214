/// How much backends may register through this balancer. 0 is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationLimits {
    /// Backends in all, whoever registered them. Default 100,000.
    pub total: usize,
    /// Services with backends. Default 10,000.
    pub services: usize,
    /// Backends of one service. Default 10,000: the longest list that is planned for.
    pub per_service: usize,
    /// Live registrations that one address made through this balancer. Default 1000: a
    /// machine full of containers, behind one address, has some hundreds.
    pub per_peer: usize,
    /// Registrations in a second. Default 5000: after the death of a balancer without a
    /// registry all backends come at once.
    pub per_second: u32,
    /// Registrations in a second from one address. Default 200.
    pub per_second_per_peer: u32,
}

impl Default for RegistrationLimits {
    fn default() -> Self {
        Self {
            total: 100_000,
            services: 10_000,
            per_service: 10_000,
            per_peer: 1000,
            per_second: 5000,
            per_second_per_peer: 200,
        }
    }
}
