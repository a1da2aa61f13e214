use std::time::Duration;

/// How outliers are found, and for how long they are ejected (A50). All defaults are A50's,
/// which has them from Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutlierSettings {
    /// How often the calls of the backends are compared. Default 10 s.
    pub interval: Duration,
    /// How long a backend is ejected for the first time; each further time, so much longer.
    /// Default 30 s.
    pub base_ejection_time: Duration,
    /// The longest it is ejected; the base time, where that is longer. Default 300 s.
    pub max_ejection_time: Duration,
    /// Nobody is ejected any more once so many per cent are. Default 10: of up to ten
    /// backends, one. With 0, none ever.
    pub max_ejection_percent: u32,
    /// Whether to eject who succeeds far less often than the others. Default: no.
    pub success_rate: Option<SuccessRateEjection>,
    /// Whether to eject who fails too often, whatever the others do. Default: no.
    pub failure_percentage: Option<FailurePercentageEjection>,
}

/// Ejects backends whose success rate is an outlier among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuccessRateEjection {
    /// So many thousandths of the standard deviation below the mean is an outlier. Default
    /// 1900.
    pub stdev_factor: u32,
    /// In how many per cent of the cases it is really ejected. Default 100.
    pub enforcement_percentage: u32,
    /// How many backends must have calls enough for rates to be compared. Default 5.
    pub minimum_hosts: u32,
    /// How many calls in an interval are enough. Default 100.
    pub request_volume: u32,
}

/// Ejects backends that fail more often than they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailurePercentageEjection {
    /// More failures than so many per cent are too many. Default 85.
    pub threshold: u32,
    /// In how many per cent of the cases it is really ejected. Default 100.
    pub enforcement_percentage: u32,
    /// How many backends must have calls enough. Default 5.
    pub minimum_hosts: u32,
    /// How many calls in an interval are enough. Default 50.
    pub request_volume: u32,
}

/// Which setting makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutlierSettingsError {
    /// A share above the whole.
    #[error("{name} is {value} per cent: expected 0 to 100")]
    Percentage {
        /// Its name in a service config.
        name: &'static str,
        /// What it is.
        value: u32,
    },
    /// Comparing without a pause.
    #[error("interval is 0 s: expected more")]
    NoInterval,
}

impl Default for OutlierSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            base_ejection_time: Duration::from_secs(30),
            max_ejection_time: Duration::from_secs(300),
            max_ejection_percent: 10,
            success_rate: None,
            failure_percentage: None,
        }
    }
}

impl Default for SuccessRateEjection {
    fn default() -> Self {
        Self {
            stdev_factor: 1900,
            enforcement_percentage: 100,
            minimum_hosts: 5,
            request_volume: 100,
        }
    }
}

impl Default for FailurePercentageEjection {
    fn default() -> Self {
        Self {
            threshold: 85,
            enforcement_percentage: 100,
            minimum_hosts: 5,
            request_volume: 50,
        }
    }
}

impl OutlierSettings {
    /// Whether anybody may be ejected at all.
    pub fn is_on(&self) -> bool {
        self.success_rate.is_some() || self.failure_percentage.is_some()
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Names the first that makes no sense.
    pub fn check(&self) -> Result<(), OutlierSettingsError> {
        if self.interval.is_zero() {
            return Err(OutlierSettingsError::NoInterval);
        }
        let (success, failure) = (self.success_rate, self.failure_percentage);
        let percentages = [
            ("maxEjectionPercent", Some(self.max_ejection_percent)),
            (
                "successRateEjection.enforcementPercentage",
                success.map(|success| success.enforcement_percentage),
            ),
            (
                "failurePercentageEjection.threshold",
                failure.map(|failure| failure.threshold),
            ),
            (
                "failurePercentageEjection.enforcementPercentage",
                failure.map(|failure| failure.enforcement_percentage),
            ),
        ];
        for (name, value) in percentages {
            if let Some(value) = value.filter(|value| *value > 100) {
                return Err(OutlierSettingsError::Percentage { name, value });
            }
        }
        Ok(())
    }
}
