"""`make run`, `make stop`, `make reset`, and what `make deploy` takes to AWS."""

import argparse
import signal
import sys
import time
from urllib.parse import urlsplit

from local import stack
from local.artefacts import LOCAL, Trouble, build_for_aws
from local.emulator import Emulator
from local.progress import Progress, Silence
from local.seed import environment, seed

_VARIABLES = "demo.env"
_OF_LATE = 15 * 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("up", help="build, deploy, seed, stay until Ctrl-C")
    run.add_argument("--port", type=int, default=4566)
    run.add_argument("--empty", action="store_true", help="without the demo")
    run.add_argument("--detach", action="store_true", help="return once ready")
    commands.add_parser("stop", help="end it, keep its state")
    commands.add_parser("reset", help="end it, forget its state")
    commands.add_parser("logs", help="what its functions have logged of late")
    build = commands.add_parser("build", help="what goes to AWS")
    build.add_argument("--architecture", choices=("arm64", "x86_64"), default="arm64")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        match arguments.command:
            case "up":
                _up(Emulator(LOCAL, arguments.port), None if arguments.empty else seed, detach=arguments.detach)
            case "build":
                build_for_aws(arguments.architecture)
            case "stop":
                _stop()
            case "reset":
                stack.reset(LOCAL)
                (LOCAL / _VARIABLES).unlink(missing_ok=True)
            case "logs":
                _show_logs()
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _up(emulator: Emulator, demo: stack.Seed | None, *, detach: bool) -> None:
    progress = Progress()
    print("Vouch on this machine")
    was_running = Emulator.found(LOCAL) is not None
    try:
        vouch = stack.up(emulator, demo, progress)
    except BaseException:
        if not was_running and emulator.is_running():
            stack.down(emulator, Silence())
        raise
    _say_ready(vouch, progress)
    if detach:
        return
    print("Ctrl-C ends it; its state is kept.", flush=True)
    try:
        while emulator.is_running():
            time.sleep(1)
    except KeyboardInterrupt:
        print()
        stack.down(emulator, progress)


def _stop() -> None:
    emulator = Emulator.found(LOCAL)
    if emulator is None:
        print("Vouch does not run here.")
        return
    stack.down(emulator, Progress())


def _show_logs() -> None:
    emulator = Emulator.found(LOCAL)
    if emulator is None:
        print("Vouch does not run here.")
        return
    lines = stack.Stack.of(emulator).logs(since_ms=int((time.time() - _OF_LATE) * 1000))
    for line in sorted(lines, key=lambda line: line.at_ms):
        if line.text.startswith("{"):  # the platform's own, of starts and ends, say nothing new
            print(line.text.rstrip())


def _say_ready(vouch: stack.Stack, progress: Progress) -> None:
    print(f"Ready after {progress.seconds():.0f} s.\n")
    print(f"  API          {vouch.api_url}")
    print(f"  Its contract {vouch.api_url}/openapi.json")
    if vouch.demo:
        print(f"  A demo link  {vouch.api_url}{urlsplit(vouch.demo['link_url']).path}")
        (LOCAL / _VARIABLES).write_text(environment(vouch))
        print(
            f"\nKeys and ids are in .local/stack.json; `. .local/{_VARIABLES}` sets the demo's as variables.",
            flush=True,
        )
    else:
        print("\nThe operator's key is in .local/stack.json.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
