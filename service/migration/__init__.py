"""What becomes of a repository that was made for one of the predecessors.

`genexec migrate` reads the files and prints the judgement; `judge_files` makes it. `dialect`
tells which predecessor a repository was made for, `script_file` judges a script of
generic-executor-service (with `shell_text`, `python_text`, `http_text`), `job_…` read the
`job/config.yaml` of job-executor-service and write scripts from it. Nothing is run.
"""
