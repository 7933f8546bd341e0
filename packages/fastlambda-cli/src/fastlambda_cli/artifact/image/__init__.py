"""The container image: the same packages and files as the zip, in two layers on a base image, without Docker.

`build.build_image` is the way in. It finds out what the base is (`base`), pinned by its digest (`pins`), writes the
locked packages and the service's own files as layers (`layers`, `compression`), and describes them in the words of the
base's own family of media types (`manifest`). The image is then pushed to a registry (`push`, over the client in
`registry`, `authentication` and `uploading`) or written for podman and Docker (`layout`). What is fetched lies in a
store by its digest, which is checked whenever something is put there (`blobs`).
"""
