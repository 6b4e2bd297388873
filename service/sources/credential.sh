# Answers Git's question for a user and a password from the descriptor it inherited.
# Git calls this as a credential helper: get, store or erase; only the first has an answer.
if [ "$1" = get ] && [ -n "$GENEXEC_CREDENTIAL" ]; then
    cat "/proc/self/fd/$GENEXEC_CREDENTIAL"
fi
