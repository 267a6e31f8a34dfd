# Completion of vain(1) for bash.

_vain()
{
    local word=${COMP_WORDS[COMP_CWORD]-} verb=${COMP_WORDS[1]-} sub=${COMP_WORDS[2]-} before=${COMP_WORDS[COMP_CWORD - 1]}
    local verbs="run validate explain schema ckpt generate eval record key doctor bench version help"
    local options="--help --json" words=""

    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$verbs --help --version" -- "$word")
        return
    fi
    case $before in
    --resume)
        mapfile -t COMPREPLY < <(compgen -W "auto none" -- "$word"; compgen -f -- "$word")
        return ;;
    --privacy)
        mapfile -t COMPREPLY < <(compgen -W "none masked" -- "$word")
        return ;;
    --algorithm)
        mapfile -t COMPREPLY < <(compgen -W "auto native ring tree" -- "$word")
        return ;;
    --transport)
        mapfile -t COMPREPLY < <(compgen -W "auto tls" -- "$word")
        return ;;
    --root)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return ;;
    --out | --folder | --directory)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return ;;
    esac
    case $verb in
    run) options+=" --set --members --local --restart --member --listen --out --resume --quiet" ;;
    validate) options+=" --set" ;;
    explain) options+=" --set --members --member" ;;
    schema) options+=" --markdown" ;;
    generate) options+=" --prompt --tokens --temperature --top --seed" ;;
    eval) options+=" --set --member" ;;
    help) words=$verbs ;;
    ckpt) words="ls show diff verify export" ;;
    key) words="new show renew" ;;
    record) words="verify show" ;;
    bench) words="step checkpoint exchange" ;;
    esac
    if ((COMP_CWORD == 2)) && [[ -n $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return
    fi
    case "$verb $sub" in
    "ckpt show") options+=" --statistics" ;;
    "ckpt export") options+=" --to --force" ;;
    "key new" | "key show") options+=" --folder" ;;
    "key renew") options+=" --folder --root --epoch" ;;
    "bench step") options+=" --set --windows --seconds" ;;
    "bench checkpoint") options+=" --mib --directory" ;;
    "bench exchange") options+=" --mib --kib --privacy --algorithm --level --members --transport --connections --runs --bits" ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -o filenames -F _vain vain
