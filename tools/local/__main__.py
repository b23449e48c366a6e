"""`make run`, `make stop`, `make reset`."""

import argparse
import signal
import sys
import time
from typing import Any

from local import stack
from local.artefacts import LOCAL, Trouble
from local.emulator import Emulator
from local.progress import Progress


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("up", help="build, deploy, seed, stay until Ctrl-C")
    run.add_argument("--port", type=int, default=4566)
    run.add_argument("--detach", action="store_true", help="return once ready")
    commands.add_parser("stop", help="end it, keep its state")
    commands.add_parser("reset", help="end it, forget its state")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        match arguments.command:
            case "up":
                _up(Emulator(LOCAL, arguments.port), detach=arguments.detach)
            case "stop":
                _stop()
            case "reset":
                stack.reset(LOCAL)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _up(emulator: Emulator, *, detach: bool) -> None:
    progress = Progress()
    print("Vouch on this machine")
    was_running = Emulator.found(LOCAL) is not None
    try:
        vouch = stack.up(emulator, None, progress)
    except BaseException:
        if not was_running and emulator.is_running():
            stack.down(emulator, progress)
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


def _say_ready(vouch: stack.Stack, progress: Progress) -> None:
    print(f"Ready after {progress.seconds():.0f} s.\n")
    rows: dict[str, Any] = {"api": vouch.api_url, "health": f"{vouch.api_url}/v1/health"}
    rows |= {name.removesuffix("_url"): value for name, value in vouch.demo.items() if name.endswith("_url")}
    for name, value in rows.items():
        print(f"  {name.replace('_', ' '):<14}{value}")
    print("\nKeys and ids are in .local/stack.json.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
