"""What became of the rows of a file, in sentences or as JSON."""

import json

from bot.dataset.importing import Report


def print_report(report: Report, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report.as_dict() | {"dry_run": dry_run}, indent=2))
        return
    kept = "would be kept" if dry_run else "kept"
    states = ", ".join(f"{count} {state}" for state, count in sorted(report.states.items()))
    print(f"{report.rows} rows read, {report.new} {kept}{f' ({states})' if states else ''}.")
    replaced = ", ".join(f"{count} {kind}" for kind, count in sorted(report.redacted.items()))
    for count, sentence in (
        (report.known, "were here already."),
        (report.repeated, "stand in the file more than once; once is enough."),
        (report.taken_back, "were deleted in Slack or are of people who opted out: left out."),
        (report.skipped, "could not be kept and were left out."),
        (report.cleaned, "had control characters or invisible ones, which were taken out."),
        (report.near_duplicates, "look like others and wait in `/apprentice review`."),
    ):
        if count:
            print(f"{count} {sentence}")
    if report.not_compared:
        print(f"{report.not_compared} are too many to compare with the others one by one.")
    if replaced:
        print(f"Replaced before storing: {replaced}.")
