use super::{Contents, Loaded, Tls, TlsFile, TlsFileError};

/// Decides what to make of files that are read again and again. Pure.
#[derive(Debug)]
pub(super) struct Watcher {
    tls: Tls,
    /// What is in use.
    current: Contents,
    /// What was no use the last time, and whether anybody was told.
    broken: Option<(Read, bool)>,
}

type Read = Result<Contents, TlsFileError>;

/// What to do after a look at the files.
#[derive(Debug)]
pub(super) enum Look {
    /// They are as they were.
    Same,
    /// Use this from now on.
    New(Loaded),
    /// They are no use: go on with what there is, and say so.
    Broken(TlsFileError),
}

impl Watcher {
    pub(super) fn new(tls: Tls, current: Contents) -> Self {
        Self {
            tls,
            current,
            broken: None,
        }
    }

    /// Which files differ from what is in use.
    pub(super) fn compare(&self, read: &Contents) -> Vec<TlsFile> {
        read.compare(&self.current, &self.tls)
    }

    /// Looks at what was read. Files that make no sense are complained of once, and only
    /// when they are found so twice: whoever replaces certificate and key does it one
    /// after the other. `asked`: somebody wants to know now.
    pub(super) fn look(&mut self, read: Read, asked: bool) -> Look {
        if read.as_ref() == Ok(&self.current) {
            self.broken = None;
            return Look::Same;
        }
        let loaded = match &read {
            Ok(contents) => contents.load(&self.tls),
            Err(error) => Err(error.clone()),
        };
        match (loaded, read) {
            (Ok(loaded), Ok(contents)) => {
                self.current = contents;
                self.broken = None;
                Look::New(loaded)
            }
            (Err(error), read) => {
                let (seen, told) = match self.broken.take() {
                    Some((before, told)) if before == read => (true, told),
                    _ => (false, false),
                };
                let tell = asked || (seen && !told);
                self.broken = Some((read, told || tell));
                if tell {
                    Look::Broken(error)
                } else {
                    Look::Same
                }
            }
            // What could not be read cannot have been loaded.
            (Ok(_), Err(_)) => Look::Same,
        }
    }
}

#[cfg(test)]
mod tests;
