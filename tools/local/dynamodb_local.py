"""DynamoDB Local, the judge of transactions and concurrency: moto loses updates under threads."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.processes import await_ready, end, free_port, listens

HOME = Path(__file__).parents[2] / ".local/dynamodb-local/node_modules/amplify-dynamodb-simulator/emulator"


@contextmanager
def running() -> Iterator[str]:
    """Give the endpoint's address. Everything is in memory and forgotten at the end."""
    jar = HOME / "DynamoDBLocal.jar"
    if not jar.exists():
        raise FileNotFoundError(f"{jar} is missing: `make test` installs it")
    port = free_port()
    jvm = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]
    process = subprocess.Popen(
        [
            *("java", *jvm, f"-Djava.library.path={HOME / 'DynamoDBLocal_lib'}", "-jar", str(jar)),
            *("-inMemory", "-disableTelemetry", "-port", str(port)),
        ],
        cwd=HOME,  # it writes a file of its own wherever it starts
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await_ready(process, lambda: listens(port), seconds=240)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)
