"""The main job on real tools: `yett demo`.

`world` is a small company with a shell, a database, files, a web and a bank that really do what they are
told; `sessions.yaml` are recorded sessions of agents at work and of agents led astray; `play` puts a gateway
between the two and keeps count of what got through; `proof` verifies the log and then tries to cheat it.
"""
