"""The texts of `-h` and `-V`."""

from __future__ import annotations

from ..version import VERSION
from .checks import SYSTEMTAP_VERSION

HINT = "Try '--help' for more information. [man stap]"

VERSION_TEXT = f"""\
pystap {VERSION}: SystemTap scripts on eBPF (language of SystemTap {SYSTEMTAP_VERSION})
Licensed under the Apache License 2.0. There is no warranty.
"""

STAP_HELP = (
    VERSION_TEXT
    + """
Usage: stap [options] FILE [arguments]          run the script in FILE
       stap [options] - [arguments]             run the script on standard input
       stap [options] -e SCRIPT [arguments]     run SCRIPT
       stap [options] -l PROBE                  list the probe points that match
       stap [options] -L PROBE                  list them with their variables
       stap --dump-functions | --dump-probe-aliases | --dump-probe-types

What runs:
   -e SCRIPT            the script is the next word
   -E SCRIPT            an additional script (repeatable)
   -I DIR               look for tapset scripts in DIR too (repeatable)
   -D NAME=VALUE        set a limit: MAXSTRINGLEN MAXMAPENTRIES MAXACTION
                        MAXACTION_INTERRUPTIBLE MAXERRORS MAXSKIPPED MAXNESTING MAXTRYLOCK
                        STP_PROCFS_BUFSIZE
   -G NAME=VALUE        set a global variable when the script starts
   -g                   guru mode
   -u                   do not optimise
   --compatible VERSION             behave as that version of SystemTap
   --skip-badvars                   unknown context variables read as 0
   --suppress-handler-errors        run-time errors end their handler quietly
   --suppress-time-limits           no MAXACTION and MAXTRYLOCK (with -g)
   --privilege=stapusr|stapsys|stapdev, --unprivileged
   --                   what follows are arguments of the script

How it runs:
   -c CMD               start CMD once the probes are live, end when it ends
   -x PID               target() is PID
   -T SECONDS           end after that time
   -o FILE              write output to FILE; strftime(3) conversions are replaced
   -S SIZE[,N]          start a new output file every SIZE megabytes, keep N
   -F                   leave the script running in the background
   -s NUM               megabytes of the buffer between kernel and user space
   -t                   report how often and how long each probe ran
   --no-global-var-display          do not print globals that are never read

What is shown:
   -v                   say more (repeatable); --vp DIGITS: by pass
   -w, -W               no warnings; warnings are errors
   --color[=auto|always|never]
   -p NUM               stop after pass NUM: 1 parse, 2 elaborate, 3 translate,
                        4 compile (prints the image for staprun), 5 run
   -k                   keep the files made on the way; --tmpdir=DIR: in DIR
   -m NAME              name of the image
   --disable-cache, --poison-cache, --clean-cache
   -h, -V               this text; the version

Accepted, with nothing to do: -P --prologue-searching -d --ldd --all-modules -R -B
--save-uprobes --sign-module, --runtime=kernel|bpf, --bpf, and -a and -r of this machine.
Options are read from $SYSTEMTAP_DIR/rc (default ~/.systemtap/rc) first.
"""
)

STAPRUN_HELP = """\
Usage: staprun [options] IMAGE [NAME=VALUE...]   run an image made by `stap -p4`
       staprun -A SESSION                        attach to a session that was left running
       staprun -d SESSION                        end a session that was left running

   -v  -V  -h           say more; version; this text
   -w                   no warnings
   -c CMD               start CMD once the probes are live, end when it ends
   -x PID               target() is PID
   -o FILE              write output to FILE; strftime(3) conversions are replaced
   -S SIZE[,N]          start a new output file every SIZE megabytes, keep N
   -b MB                size of the buffer between kernel and user space
   -L                   start the probes, then leave them running
   -D                   run in the background, print the process id (with -o)
   -T MS                longest time that output waits
   -C WHEN              colour: auto, always, never
   NAME=VALUE           set a global variable

SIGQUIT (Ctrl-\\) leaves the session running; SIGUSR2 starts the next output file.
Accepted, with nothing to do: -u -R
"""
