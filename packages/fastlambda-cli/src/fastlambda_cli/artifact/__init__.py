"""The artifact: a service's locked packages and its own modules, as the zip that Lambda runs.

`build.build` is the way in. It finds the lock (`lock`), packs what it pins once for a platform (`dependencies`),
collects the service's own files by a rule (`collecting`), and adds them to a copy of the packed packages (`archive`).
The same input gives the same bytes: sorted names, one date, two modes, one compression, bytecode that no clock can
outdate (`bytecode`), and nothing that tells the machine, its folders or its user (`contents`). What is built stays in a
cache that is filled under a lock, moved into place whole, and checked before it is used again (`installation`).
"""
