//! Archives of images, layouts in archives, tars of files, and their layers, however compressed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_image::manifest::PlatformChoice;
use seawall_image::source::local::{Local, LocalOptions, open_stream};
use seawall_image::{Limits, Squash, walk_layer};
use seawall_inventory::{Content, Entry, Interest, Visitor};

/// Asks for every file, in each way.
struct Everything;

impl Visitor for Everything {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        match entry.path.len() % 3 {
            0 => Interest::Whole,
            1 => Interest::Head(100),
            _ => Interest::No,
        }
    }

    fn visit(&mut self, _: &Entry<'_>, content: &mut dyn Content) {
        let _ = content.head(100);
        let _ = content.whole(1000);
        let _ = content.seekable();
    }
}

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        layer_bytes_max: 1 << 20,
        archive_bytes_max: 1 << 20,
        spool_disk_bytes_max: 1 << 20,
        xz_dictionary_bytes_max: 1 << 20,
        zstd_window_log_max: 20,
        sbom_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let options = LocalOptions { choice: PlatformChoice::All, temporary: None, limits: limits.clone() };
    let Ok(Local::Images(images)) = open_stream(bytes, "-", None, &options) else { return };
    for one in images.iter().take(3) {
        let mut walks = Vec::new();
        for layer in one.image.layers.iter().take(4) {
            let Ok(blob) = one.blobs.open(layer) else { continue };
            let mut visitor = Everything;
            walks.push(walk_layer(blob, Some(&layer.diff_id), &mut [&mut visitor], &limits, &|_| {}));
        }
        let squash = Squash::new(&walks.iter().map(|walk| &walk.shape).collect::<Vec<_>>());
        for (position, walk) in walks.iter().enumerate() {
            for link in &walk.links {
                squash.survives(position, &link.path);
            }
        }
    }
});
