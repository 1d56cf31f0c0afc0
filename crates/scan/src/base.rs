//! Which of an image's layers somebody else made: its base image.

use seawall_inventory::{Base, History, Image};

/// `org.opencontainers.image.base.name` (OCI image-spec, annotations.md).
const BASE_NAME: &str = "org.opencontainers.image.base.name";

/// The base, told by comparing layers with an image that the user names.
///
/// `None` when `base` is not a prefix of `image`.
pub fn given(image: &Image, base: &Image) -> Option<Base> {
    let ids = |image: &Image| image.layers.iter().map(|layer| layer.diff_id.clone()).collect::<Vec<_>>();
    let (own, base_ids) = (ids(image), ids(base));
    let is_prefix = !base_ids.is_empty() && own.starts_with(&base_ids);
    is_prefix.then(|| Base {
        name: base.name.as_ref().map(ToString::to_string),
        layers: u32::try_from(base_ids.len()).unwrap_or(u32::MAX),
        known_by: "given".to_owned(),
    })
}

/// The base, guessed from the build history: an image ends with its `CMD` or `ENTRYPOINT`, so one with layers above
/// it is the end of another image. The name comes from the label that build tools may set.
pub(crate) fn guess(image: &Image) -> Option<Base> {
    let sets_command = |step: &History| {
        let word = step.created_by.trim_start();
        step.empty_layer && (word.starts_with("CMD ") || word.starts_with("ENTRYPOINT "))
    };
    let mut layers_above = false;
    let mut end = None;
    for (index, step) in image.history.iter().enumerate().rev() {
        if sets_command(step) && layers_above {
            end = Some(index);
            break;
        }
        layers_above |= !step.empty_layer;
    }
    let layers = image.history.get(..=end?)?.iter().filter(|step| !step.empty_layer).count();
    (layers > 0 && layers < image.layers.len()).then(|| Base {
        name: image.config.labels.get(BASE_NAME).cloned(),
        layers: u32::try_from(layers).unwrap_or(u32::MAX),
        known_by: "history".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use seawall_inventory::{Digest, Layer};

    fn check(steps: &[&str], expected: Option<u32>) {
        let is_empty =
            |step: &&str| ["CMD", "ENTRYPOINT", "ENV", "USER"].iter().any(|word| step.starts_with(word));
        let layer = |index: usize| Layer {
            diff_id: Digest::sha256([u8::try_from(index).unwrap_or(0); 32]),
            digest: None,
            media_type: String::new(),
            size_bytes: 0,
            instruction: None,
        };
        let history: Vec<History> = steps
            .iter()
            .map(|step| History {
                created_by: (*step).to_owned(),
                recorded: String::new(),
                created: None,
                empty_layer: is_empty(step),
            })
            .collect();
        let layers = (0..history.iter().filter(|step| !step.empty_layer).count()).map(layer).collect();
        let image = Image { history, layers, ..Image::default() };
        assert_eq!(guess(&image).map(|base| base.layers), expected, "{steps:?}");
    }

    #[test]
    fn an_image_ends_with_its_command() {
        check(&["ADD rootfs", "CMD [\"bash\"]"], None);
        check(&["ADD rootfs", "CMD [\"bash\"]", "RUN apt-get", "COPY app", "CMD [\"app\"]"], Some(1));
        check(
            &[
                "ADD rootfs",
                "CMD [\"bash\"]",
                "RUN x",
                "CMD [\"python3\"]",
                "COPY app",
                "USER 1",
                "ENTRYPOINT a",
            ],
            Some(2),
        );
        check(&["ADD rootfs", "CMD [\"bash\"]", "ENV A=b"], None);
        check(&["COPY a", "COPY b"], None);
        check(&[], None);
    }
}
