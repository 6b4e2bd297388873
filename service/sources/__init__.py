"""Scripts are found: `directory` and `git` answer the same question.

Both keep the promise of `service.ports.Source` and pass the same contract tests. `address`
says what may be named as the place of the scripts; everything else here serves `git`.
"""
