//! What the rows of the logs say, and how they are kept in words. Nothing here calls PostgreSQL.

/// A signal that was sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terminate {
    pub pid: i32,
    pub time: i64,
    /// Who sent it.
    pub user: u32,
    pub kind: Sent,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sent {
    Cancel,
    Terminate,
}

/// A transaction that was rolled back because of a deadlock or a serialization failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conflict {
    pub xid: i64,
    pub pid: i32,
    pub start: i64,
    pub abort: i64,
    /// 0 if it is not known.
    pub table: u32,
}

/// Something that happened to a connection. Texts are packed, see `packed_text.rs`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connection {
    pub event: Event,
    pub pid: i32,
    pub session_start: i64,
    pub time: i64,
    pub duration: i64,
    pub remote_host: [u64; 6],
    pub remote_port: [u64; 1],
    pub database_name: [u64; 8],
    pub user_name: [u64; 8],
    pub auth_method: [u64; 2],
    pub ssl_version: [u64; 2],
    pub ssl_cipher: [u64; 6],
    pub application_name: [u64; 8],
    pub os_version: [u64; 8],
    pub driver_version: [u64; 8],
    pub plugin_name: [u64; 4],
    pub protocol_version: i32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    AuthenticationFailure,
    Authenticated,
    InitiatingSession,
    SetApplicationName,
    DisconnectingSession,
    Terminating,
}

impl Event {
    const ALL: [Self; 6] = [
        Event::AuthenticationFailure,
        Event::Authenticated,
        Event::InitiatingSession,
        Event::SetApplicationName,
        Event::DisconnectingSession,
        Event::Terminating,
    ];
}

/// A session that has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ended {
    pub pid: i32,
    pub how: End,
    pub start: i64,
    pub end: i64,
    pub user: u32,
    pub database: u32,
    pub user_name: [u64; 8],
    pub database_name: [u64; 8],
}

/// Redshift's numbers, from its page STL_SESSIONS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    TimedOut = 1,
    ClosedByClient = 2,
    /// Or ended by an error.
    Terminated = 3,
}

/// What a log keeps, in words.
pub trait Record<const WORDS: usize>: Copy {
    fn encode(self) -> [u64; WORDS];
    fn decode(words: [u64; WORDS]) -> Self;
}

impl Record<3> for Terminate {
    fn encode(self) -> [u64; 3] {
        [self.pid as u32 as u64 | (self.kind as u64) << 32, self.time as u64, self.user.into()]
    }

    fn decode([pid_and_kind, time, user]: [u64; 3]) -> Self {
        let kind = if pid_and_kind >> 32 == Sent::Cancel as u64 { Sent::Cancel } else { Sent::Terminate };
        Terminate { pid: pid_and_kind as i32, time: time_of(time), user: user as u32, kind }
    }
}

impl Record<4> for Conflict {
    fn encode(self) -> [u64; 4] {
        let pid_and_table = u64::from(self.pid as u32) | u64::from(self.table) << 32;
        [self.xid as u64, pid_and_table, self.start as u64, self.abort as u64]
    }

    fn decode([xid, pid_and_table, start, abort]: [u64; 4]) -> Self {
        let (pid, table) = (pid_and_table as i32, (pid_and_table >> 32) as u32);
        Conflict { xid: xid as i64, pid, start: time_of(start), abort: time_of(abort), table }
    }
}

impl Record<66> for Connection {
    fn encode(self) -> [u64; 66] {
        let mut words = [0; 66];
        words[0] = self.pid as u32 as u64 | (self.event as u64) << 32;
        words[1] = self.time as u64;
        words[2] = self.duration as u64;
        words[3..9].copy_from_slice(&self.remote_host);
        words[9..10].copy_from_slice(&self.remote_port);
        words[10..18].copy_from_slice(&self.database_name);
        words[18..26].copy_from_slice(&self.user_name);
        words[26..28].copy_from_slice(&self.auth_method);
        words[28..30].copy_from_slice(&self.ssl_version);
        words[30..36].copy_from_slice(&self.ssl_cipher);
        words[36..44].copy_from_slice(&self.application_name);
        words[44..52].copy_from_slice(&self.os_version);
        words[52..60].copy_from_slice(&self.driver_version);
        words[60..64].copy_from_slice(&self.plugin_name);
        words[64] = u64::from(self.protocol_version as u32);
        words[65] = self.session_start as u64;
        words
    }

    fn decode(words: [u64; 66]) -> Self {
        let event = Event::ALL[((words[0] >> 32) as usize).min(Event::ALL.len() - 1)];
        Connection {
            event,
            pid: words[0] as i32,
            time: time_of(words[1]),
            duration: words[2] as i64,
            remote_host: part(&words, 3),
            remote_port: part(&words, 9),
            database_name: part(&words, 10),
            user_name: part(&words, 18),
            auth_method: part(&words, 26),
            ssl_version: part(&words, 28),
            ssl_cipher: part(&words, 30),
            application_name: part(&words, 36),
            os_version: part(&words, 44),
            driver_version: part(&words, 52),
            plugin_name: part(&words, 60),
            protocol_version: words[64] as i32,
            session_start: time_of(words[65]),
        }
    }
}

impl Record<20> for Ended {
    fn encode(self) -> [u64; 20] {
        let mut words = [0; 20];
        words[0] = self.pid as u32 as u64 | (self.how as u64) << 32;
        words[1] = self.start as u64;
        words[2] = self.end as u64;
        words[3] = u64::from(self.user) | u64::from(self.database) << 32;
        words[4..12].copy_from_slice(&self.user_name);
        words[12..20].copy_from_slice(&self.database_name);
        words
    }

    fn decode(words: [u64; 20]) -> Self {
        let how = match words[0] >> 32 {
            1 => End::TimedOut,
            2 => End::ClosedByClient,
            _ => End::Terminated,
        };
        Ended {
            pid: words[0] as i32,
            how,
            start: time_of(words[1]),
            end: time_of(words[2]),
            user: words[3] as u32,
            database: (words[3] >> 32) as u32,
            user_name: part(&words, 4),
            database_name: part(&words, 12),
        }
    }
}

/// The first and last time that PostgreSQL can show. Rows also come from a file, and a time out of
/// this range would make the whole view fail.
const FIRST_TIME: i64 = -211_813_488_000_000_000;
pub const LAST_TIME: i64 = 9_223_371_331_199_999_999;

/// A time that can be shown.
pub fn time_of(word: u64) -> i64 {
    (word as i64).clamp(FIRST_TIME, LAST_TIME)
}

pub fn part<const WORDS: usize>(words: &[u64], from: usize) -> [u64; WORDS] {
    std::array::from_fn(|index| words[from + index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were() {
        for kind in [Sent::Cancel, Sent::Terminate] {
            for pid in [i32::MIN, -1, 0, 8585, i32::MAX] {
                let record = Terminate { pid, time: -5, user: u32::MAX, kind };
                assert_eq!(Terminate::decode(record.encode()), record);
            }
        }
        for (index, event) in Event::ALL.into_iter().enumerate() {
            let record = Connection {
                event,
                pid: 8585,
                time: 1,
                duration: index as i64,
                remote_host: [3; 6],
                remote_port: [4],
                database_name: [5; 8],
                user_name: [6; 8],
                auth_method: [7; 2],
                ssl_version: [8; 2],
                ssl_cipher: [9; 6],
                application_name: [10; 8],
                os_version: [11; 8],
                driver_version: [12; 8],
                plugin_name: [13; 4],
                protocol_version: -1,
                session_start: LAST_TIME,
            };
            assert_eq!(Connection::decode(record.encode()), record);
        }
        for how in [End::TimedOut, End::ClosedByClient, End::Terminated] {
            let (user_name, database_name) = ([1; 8], [2; 8]);
            let record =
                Ended { pid: -1, how, start: 3, end: 4, user: 5, database: u32::MAX, user_name, database_name };
            assert_eq!(Ended::decode(record.encode()), record);
        }
        let record = Conflict { xid: -(7 << 32), pid: -1, start: FIRST_TIME, abort: LAST_TIME, table: u32::MAX };
        assert_eq!(Conflict::decode(record.encode()), record);
    }

    #[test]
    fn every_word_is_a_row_that_can_be_shown() {
        for word in [0, 1, u64::MAX, i64::MAX as u64, i64::MIN as u64, 0x8080_8080_8080_8080] {
            let shown = |time: i64| (FIRST_TIME..=LAST_TIME).contains(&time);
            assert!(shown(Terminate::decode([word; 3]).time));
            let (conflict, ended) = (Conflict::decode([word; 4]), Ended::decode([word; 20]));
            assert!(shown(conflict.start) && shown(conflict.abort) && shown(ended.start) && shown(ended.end));
            let connection = Connection::decode([word; 66]);
            assert!(shown(connection.time) && shown(connection.session_start));
        }
    }
}
