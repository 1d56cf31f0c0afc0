#!/bin/sh
set -eu
docker run --detach --name web \
    --user 65532 --read-only --tmpfs /tmp \
    --cap-drop ALL --security-opt no-new-privileges \
    --memory 128m --publish 127.0.0.1:8080:8080 \
    registry.example/shop/web:1.4.2 serve
