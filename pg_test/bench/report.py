"""What was measured, printed row by row and written as Markdown and JSON."""

import json
import os
import platform


class Report:
    """What was measured, as rows that are printed at once."""

    def __init__(self):
        self.sections, self.bars = [], []

    def section(self, title, columns):
        self.sections.append({"title": title, "columns": columns, "rows": []})
        print("\n%s" % title)
        self.print_row(columns)

    def row(self, *cells):
        self.sections[-1]["rows"].append(cells)
        self.print_row(cells)

    @staticmethod
    def print_row(cells):
        print("  %-42s" % cells[0] + "".join(" %18s" % cell for cell in cells[1:]), flush=True)

    def bar(self, name, measured, limit, at_least=False):
        met = measured >= limit if at_least else measured <= limit
        self.bars.append({"name": name, "measured": round(measured, 3), "limit": limit, "at_least": at_least, "met": met})

    def finish(self, directory):
        self.section("Bars", ["", "measured", "bar", ""])
        for bar in self.bars:
            sign = "at least" if bar["at_least"] else "at most"
            self.row(bar["name"], "%.3f" % bar["measured"], "%s %.2f" % (sign, bar["limit"]), "ok" if bar["met"] else "MISSED")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "bench.json").write_text(json.dumps({"machine": machine(), "sections": self.sections, "bars": self.bars}, indent=2) + "\n")
        (directory / "bench.md").write_text("%s\n%s" % (machine(), "\n".join(map(markdown, self.sections))))
        print("\nWritten to %s" % directory)
        met = sum(bar["met"] for bar in self.bars)
        print("%d passed, %d failed" % (met, len(self.bars) - met))
        return 0 if met == len(self.bars) else 1


def markdown(section):
    lines = ["", "### " + section["title"], ""]
    lines += ["| " + " | ".join(map(str, section["columns"])) + " |", "|---" + "|---:" * (len(section["columns"]) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in section["rows"]]) + "\n"


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return "%d cores, %.0f GiB, %s" % (os.cpu_count(), memory, platform.machine())
