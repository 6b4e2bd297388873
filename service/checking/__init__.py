"""What is wrong with a repository of scripts, without running any.

`genexec check` reads the files and prints the findings; `check_files` decides them. `places`
knows which paths are ever looked up, `names` which file names an event can have, `contents`
what may stand in a script.
"""
