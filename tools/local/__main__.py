"""`make run`, `make stop`, `make reset`, and what `make deploy` takes to AWS."""

import argparse
import os
import signal
import sys
import time
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local import stack
from local.artefacts import LOCAL, Trouble, architecture_for_aws, build_for_aws
from local.emulator import Emulator
from local.progress import Progress
from local.seed import environment, seed

_VARIABLES = "demo.env"
_OF_LATE = 15 * 60
_PORTS = range(1024, 65536)
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("up", help="build, deploy, seed, stay until Ctrl-C")
    run.add_argument("--port", default="4566")
    run.add_argument("--empty", action="store_true", help="without the demo")
    run.add_argument("--detach", action="store_true", help="return once ready")
    commands.add_parser("stop", help="end it, keep its state")
    commands.add_parser("reset", help="end it, forget its state")
    commands.add_parser("logs", help="what its functions have logged of late")
    build = commands.add_parser("build", help="what goes to AWS")
    build.add_argument("--architecture", choices=("arm64", "x86_64"), help="another than the last time")
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "up":
                demo = None if arguments.empty else seed
                _up(Emulator(LOCAL, _port(arguments.port)), demo, detach=arguments.detach)
            case "build":
                architecture = architecture_for_aws(arguments.architecture)
                with Progress().step(f"Build for {architecture}"):
                    build_for_aws(architecture)
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
    except (BotoCoreError, ClientError) as error:
        print(f"The emulator does not do what it is asked: {error}. See {LOCAL / 'emulator.log'}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _up(emulator: Emulator, demo: stack.Seed | None, *, detach: bool) -> None:
    progress = Progress()
    print("Vouch on this machine")
    vouch = stack.up(emulator, demo, progress)
    try:
        _say_ready(vouch, progress)
        if vouch.demo and not demo:
            print("The demo is from an earlier run; `make reset` forgets it.", flush=True)
        if demo and not vouch.demo:
            print("What was begun without the demo goes on without it; `make reset` forgets it.", flush=True)
        if detach:
            return
        print("Ctrl-C ends it; its state is kept.", flush=True)
        while emulator.is_running():
            time.sleep(1)
    except KeyboardInterrupt:
        print()
        stack.down(emulator, progress)
    else:
        if not emulator.was_asked_to_end():
            raise Trouble(f"The emulator has ended by itself: see {LOCAL / 'emulator.log'}.")
        print("It was ended from elsewhere.")


def _port(text: str) -> int:
    if text.isdecimal() and int(text) in _PORTS:
        return int(text)
    raise Trouble(f"PORT={text} is no port for us: choose one from {_PORTS[0]} to {_PORTS[-1]}.")


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


def _ends(number: int, _: FrameType | None) -> NoReturn:
    """Once: whoever is told twice, or has lost the terminal, still saves what there is."""
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)
    if number == signal.SIGHUP:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.dup2(nowhere, sys.stderr.fileno())
    raise KeyboardInterrupt


if __name__ == "__main__":
    for each in _ENDS:
        if signal.getsignal(each) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(each, _ends)
    sys.exit(main())
