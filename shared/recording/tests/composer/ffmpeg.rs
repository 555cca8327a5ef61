//! Media made by ffmpeg, and what ffmpeg says of files. `.ci/tools` installs it.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

/// What a recorder writes: which video and audio, and into what.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Media {
    pub seconds: u32,
    pub size: Option<&'static str>,
    pub video: &'static str,
    pub audio: &'static str,
    pub format: &'static str,
}

pub const MP4: Media = Media { seconds: 20, size: Some("160x120"), video: "libx264", audio: "libopus", format: "mp4" };
pub const WEBM: Media = Media { video: "libvpx", format: "webm", ..MP4 };
pub const AUDIO_MP4: Media = Media { size: None, ..MP4 };
pub const AUDIO_WEBM: Media = Media { size: None, ..WEBM };

impl Media {
    /// The media as a stream that was never sought in, with a key frame every 2 s, as `MediaRecorder` writes it.
    pub fn make(&self) -> Vec<u8> {
        static MADE: LazyLock<Mutex<HashMap<Media, Vec<u8>>>> = LazyLock::new(Mutex::default);
        MADE.lock().unwrap().entry(*self).or_insert_with(|| self.encode()).clone()
    }

    fn encode(&self) -> Vec<u8> {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error"]);
        let seconds = self.seconds;
        if let Some(size) = self.size {
            command.args(["-f", "lavfi", "-i", &format!("testsrc=size={size}:rate=15:duration={seconds}")]);
        }
        command.args(["-f", "lavfi", "-i", &format!("sine=frequency=440:sample_rate=48000:duration={seconds}")]);
        command.args(["-c:a", self.audio, "-b:a", "32k"]);
        if self.size.is_some() {
            let fast = if self.video == "libx264" { ["-preset", "ultrafast"] } else { ["-deadline", "realtime"] };
            command.args(fast).args([
                "-c:v",
                self.video,
                "-g",
                "30",
                "-keyint_min",
                "30",
                "-bf",
                "0",
                "-pix_fmt",
                "yuv420p",
            ]);
        }
        if self.format == "mp4" {
            command.args(["-movflags", "empty_moov+default_base_moof"]);
            command.args(if self.size.is_some() {
                ["-movflags", "+frag_keyframe"]
            } else {
                ["-frag_duration", "2000000"]
            });
        } else {
            command.args(["-cluster_time_limit", "2000"]);
        }
        command.args(["-map_metadata", "-1", "-f", self.format, "pipe:1"]);
        checked(command.output().expect("ffmpeg is installed: .ci/tools")).stdout
    }
}

fn checked(output: Output) -> Output {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A packet of a file: its stream, its time in seconds, and whether one can seek to it.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    pub stream: u32,
    pub time: f64,
    pub key: bool,
}

/// A file on disk, for as long as a test needs it.
pub struct OnDisk(PathBuf);

impl OnDisk {
    pub fn new(bytes: &[u8]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("composed-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
        Self(path)
    }

    fn probe(&self, entries: &str) -> String {
        let mut command = Command::new("ffprobe");
        command.args(["-v", "error", "-of", "csv=p=0", "-show_entries", entries]).arg(&self.0);
        String::from_utf8(checked(command.output().expect("ffprobe is installed: .ci/tools")).stdout).unwrap()
    }

    /// Seconds.
    pub fn duration(&self) -> f64 {
        self.probe("format=duration").trim().parse().expect("a duration")
    }

    pub fn codecs(&self) -> Vec<String> {
        self.probe("stream=codec_name").lines().map(str::to_owned).collect()
    }

    pub fn packets(&self) -> Vec<Packet> {
        self.probe("packet=stream_index,pts_time,flags").lines().filter_map(packet).collect()
    }

    /// Decodes everything. Fails on whatever ffmpeg has to say.
    pub fn decodes(&self) {
        self.decodes_from(0.0);
    }

    /// Seeks to that second and decodes one picture, or a second of sound; the time of its first packet.
    pub fn decodes_from(&self, second: f64) {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "warning", "-xerror", "-ss", &second.to_string(), "-i"]).arg(&self.0);
        let output =
            command.args(["-fps_mode", "passthrough", "-f", "null", "-"]).stdout(Stdio::null()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Where ffmpeg lands that seeks to a second: the time of the first packet of the first stream.
    pub fn lands_at(&self, second: f64) -> f64 {
        let mut command = Command::new("ffprobe");
        command.args(["-v", "error", "-of", "csv=p=0", "-show_entries", "packet=pts_time", "-select_streams", "0"]);
        command.args(["-read_intervals", &format!("{second}%+#1")]).arg(&self.0);
        let said = String::from_utf8(checked(command.output().unwrap()).stdout).unwrap();
        said.lines().next().expect("a packet").trim_end_matches(',').parse().unwrap()
    }
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A line of ffprobe's; what it says of a packet besides has lines of its own.
fn packet(line: &str) -> Option<Packet> {
    let mut fields = line.split(',');
    let stream = fields.next()?.parse().ok()?;
    Some(Packet { stream, time: fields.next()?.parse().ok()?, key: fields.next()?.starts_with('K') })
}

/// Where a stream has nothing for longer than that: from, to.
pub fn holes(packets: &[Packet], stream: u32, longer_than: f64) -> Vec<(f64, f64)> {
    let times: Vec<f64> = packets.iter().filter(|packet| packet.stream == stream).map(|packet| packet.time).collect();
    times.windows(2).filter(|pair| pair[1] - pair[0] > longer_than).map(|pair| (pair[0], pair[1])).collect()
}
