"""What each function may have to do to AWS, read from the Rust sources.

A handler calls the domain; the domain calls ports (`store.take_seat`, `sockets.push`, `delays.after`), whose
traits stand in each function's signature; the store answers each port with a few requests. Following the
calls by name through these three layers gives the actions of every function.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from template import ROOT

# The store's own verbs, and what each needs permission for.
REQUESTS = {
    "change": "dynamodb:UpdateItem", "in_transaction": "dynamodb:UpdateItem",
    "put_item": "dynamodb:PutItem", "put_item_if": "dynamodb:PutItem", "putting_new": "dynamodb:PutItem",
    "put_conditionally": "dynamodb:PutItem", "putting": "dynamodb:PutItem", "putting_if": "dynamodb:PutItem",
    "get_item": "dynamodb:GetItem", "get_all": "dynamodb:BatchGetItem",
    "delete_item": "dynamodb:DeleteItem", "delete_item_if": "dynamodb:DeleteItem", "deleting": "dynamodb:DeleteItem",
    "removing": "dynamodb:DeleteItem",
    "query": "dynamodb:Query", "keys_between": "dynamodb:Query", "keys_of": "dynamodb:Query",
    "delete_all": "dynamodb:BatchWriteItem",
}
# Ports that other crates implement.
ELSEWHERE = {
    ("Sockets", "push"): "execute-api:ManageConnections POST",
    ("Sockets", "close"): "execute-api:ManageConnections DELETE",
    ("Delays", "after"): "sqs:SendMessage",
    ("Lines", "line_up"): "sqs:SendMessage",
    ("Lines", "put_aside"): "sqs:SendMessage",
    ("Lines", "come_again"): "sqs:ChangeMessageVisibility",
    ("RecordingQueue", "tend_after"): "sqs:SendMessage",
    ("ObjectList", "list_objects"): "s3:ListBucket",
    ("ObjectRemover", "remove_objects"): "s3:DeleteObject",
    # Whoever signs an address must be allowed what it is for.
    ("UploadUrls", "put_url"): "s3:PutObject",
    ("DownloadUrls", "get_url"): "s3:GetObject",
}
# What a port asks of others that its caller does not see: chunks are read, files are written, and thrown away.
BEHIND = {("Composer", "compose"): {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"}}


@dataclass
class Function:
    """A Rust function: its module, the traits its signature names, and its body."""

    module: str
    name: str
    signature: str
    body: str
    trait: str | None = None
    traits: set[str] = field(default_factory=set)


def production_part(source: Path) -> str:
    """The source without its comments and without its unit tests."""
    text = source.read_text().split("#[cfg(test)]")[0]
    return re.sub(r"//.*", "", text)


def block(text: str, start: int) -> tuple[str, int]:
    """The text between the brace at or after `start` and its partner, and where that ends."""
    opening = text.index("{", start)
    depth = 0
    for at in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[opening + 1 : at], at + 1
    raise ValueError("a brace without a partner")


def functions_in(text: str, module: str, trait: str | None = None) -> list[Function]:
    """Functions with a body, in order, each with the traits that it names and, for a method, those of its `impl`. A trait's mere
    declarations end with a semicolon and have none."""
    found, at = [], 0
    of_impls = [(head.start(), block(text, head.start())[1], head.group()) for head in re.finditer(r"^impl\b[^{]*", text, re.M)]
    while match := re.compile(r"\bfn (\w+)").search(text, at):
        end = min(position for position in (text.find("{", match.end()), text.find(";", match.end())) if position >= 0)
        if text[end] == ";":
            at = end
            continue
        body, at = block(text, end)
        signature = text[match.start() : end]
        around = "".join(head for start, stop, head in of_impls if start < match.start() < stop)
        found.append(Function(module, match.group(1), signature, body, trait, set(re.findall(r"\b[A-Z]\w+", around + signature))))
    return found


@cache
def domain() -> list[Function]:
    return [
        function
        for source in sorted((ROOT / "shared" / "domain" / "src").glob("*.rs"))
        for function in functions_in(production_part(source), source.stem)
    ]


@cache
def store() -> list[Function]:
    """Methods of the store, each with the port that it implements or None for a helper."""
    found = []
    for source in sorted((ROOT / "shared" / "store" / "src").glob("*.rs")):
        text = production_part(source)
        for match in re.finditer(r"^impl(?: (\w+) for)? Store\b", text, re.MULTILINE):
            found += functions_in(block(text, match.end())[0], source.stem, match.group(1))
    return found


@cache
def port_actions(trait: str, method: str) -> frozenset[str]:
    """What one method of a port needs."""
    if (trait, method) in BEHIND:
        return frozenset(BEHIND[trait, method])
    if (trait, method) in ELSEWHERE:
        return frozenset({ELSEWHERE[trait, method]})
    return frozenset().union(*(store_actions(each.body, ()) for each in store() if (each.trait, each.name) == (trait, method)))


def store_actions(body: str, seen: tuple[str, ...]) -> frozenset[str]:
    # What the database itself is asked for goes by the same names; the verb around it has said which action that is.
    actions = {action for verb, action in REQUESTS.items() if re.search(rf"(?<!engine\.)\b{verb}\(", body)}
    if index := re.search(r"\.index_name\(keys::(\w+)_INDEX\)", body):
        queried = f"dynamodb:Query index {index.group(1).lower()}"
        actions = {queried if action == "dynamodb:Query" else action for action in actions}
    for helper in store():
        if helper.trait is None and helper.name not in REQUESTS and helper.name not in seen and f"self.{helper.name}(" in body:
            actions |= store_actions(helper.body, (*seen, helper.name))
    return frozenset(actions)


def methods(trait: str) -> set[str]:
    of_store = {each.name for each in store() if each.trait == trait}
    return of_store | {method for other, method in [*ELSEWHERE, *BEHIND] if other == trait}


# What a function is made of that asks a port by itself, outside the domain: the type, and what it asks.
ASKING = {"Callers": [("Keys", "key"), ("Throttles", "hit")], "Doorkeeper": [("Keys", "key")]}
# Types of the domain whose methods ask ports, by the name that their values go by: the module of each.
METHODS = {"joined": "standing", "tending": "composing", "erasure": "erasure"}
# What a part of it signs for others, who then may do it in its name.
SIGNING = {"Transcribe": "transcribe:StartStreamTranscriptionWebSocket"}
PORTS_OF = {"deps.store": None, "store": None, "sockets": "Sockets", "deps.push": "Sockets", "delays": "Delays", "lines": "Lines", "deps.lines": "Lines",
            "tending": "RecordingQueue", "queue": "RecordingQueue", "composer": "Composer"}
# Ports that one thing implements together: whichever has the method is meant.
TOGETHER = {"bucket": {"ObjectList", "ObjectRemover"}, "urls": {"UploadUrls", "DownloadUrls"}}


@cache
def all_traits() -> frozenset[str]:
    return frozenset(each.trait for each in store() if each.trait) | {"Sockets", "Delays", "Lines"}


def actions_of(body: str, named: frozenset[str], module: str, seen: tuple[tuple[str, str], ...] = ()) -> frozenset[str]:
    """Actions of a piece of code in which the traits `named` are in sight."""
    found: frozenset[str] = frozenset()
    for receiver, method in re.findall(r"\b((?:deps\.)?(?:store|sockets|push|delays?|lines|tending|queue|bucket|urls|composer))\s*\.\s*(\w+)\(", body):
        fixed = PORTS_OF.get(receiver)
        for trait in [fixed] if fixed else TOGETHER.get(receiver) or named & all_traits():
            if method in methods(trait):
                found |= port_actions(trait, method)
    for callee in called(body, module):
        if (callee.module, callee.name) not in seen:
            found |= actions_of(callee.body, frozenset(callee.traits), callee.module, (*seen, (callee.module, callee.name)))
    return found


def called(body: str, module: str) -> list[Function]:
    """Functions of the domain that a piece of code calls: `module::name(`, a bare `name(` of its own module or imported
    from another, or a method: of its own type, or of one that goes by one name everywhere."""
    qualified = set(re.findall(r"\b(\w+)::(\w+)\(", body))
    names = set(re.findall(r"(?<![\w.:])(\w+)\(", body))
    bare = {(module, name) for name in names} | {(each, name) for each, name in imported(module) if name in names}
    methods = {(METHODS.get(of, module), name) for of, name in re.findall(rf"\b(self|{'|'.join(METHODS)})\s*\.(\w+)\(", body)}
    return [each for each in domain() if (each.module, each.name) in qualified | bare | methods]


@cache
def imported(module: str) -> frozenset[tuple[str, str]]:
    """What a module of the domain imports from others: (module, name)."""
    source = ROOT / "shared" / "domain" / "src" / f"{module}.rs"
    text = production_part(source) if source.exists() else ""
    uses = re.findall(r"\buse crate::(\w+)::(\w+|\{[^}]*\});", text)
    return frozenset((other, name) for other, names in uses for name in re.findall(r"\w+", names))


# What answers ask for that are made outside the domain.
SHOWN = {"RecordingDetail::new": ("DownloadUrls", "get_url")}
# What several functions are made of.
TOOLS = ROOT / "shared" / "gateway" / "src" / "tools.rs"


def tools_of(text: str) -> re.Match[str] | None:
    """What several functions are made of, and this one is, or has among other things: its name, and what it is made with."""
    return re.search(r"pub type Deps = (\w+)<([^>]*)>", text) or re.search(r"pub struct Deps \{[^}]*: (\w*Tools)<([^>]*)>", text)


def parts(name: str) -> set[str]:
    """The types that the function `functions/NAME` is made of."""
    text = production_part(ROOT / "functions" / name / "src" / "lib.rs")
    fields = r": (?:Arc<)?(?!dyn)(\w+)"
    found: set[str] = set()
    if "pub struct Deps" in text:
        found |= set(re.findall(fields, block(text, text.index("pub struct Deps"))[0])) - {"Arc"}
    if shared := tools_of(text):
        tools = production_part(TOOLS)
        structs = {shared.group(1)} if shared.group(1) == "ReadTools" else {shared.group(1), "Tools"}
        own = {kind for struct in structs for kind in re.findall(fields, block(tools, tools.index(f"pub struct {struct}<"))[0])}
        generic = {"S", "C", "D", "Tools", "JoinedCache", shared.group(1)}
        found = (found | own) - generic | set(re.findall(r"\w+", shared.group(2)))
    return found


def methods_of(struct: str) -> str:
    """What the functions that are made of it share."""
    tools = production_part(TOOLS)
    return "".join(block(tools, found.start())[0] for found in re.finditer(rf"^impl<.*> {struct}<", tools, re.M))


def function_actions(name: str) -> frozenset[str]:
    """Everything that the function `functions/NAME` may do, as IAM actions; @connections with its method, the
    index by its name."""
    text = production_part(ROOT / "functions" / name / "src" / "lib.rs")
    if shared := tools_of(text):
        text += methods_of(shared.group(1))
    made_of = parts(name)
    return frozenset(SIGNING[kind] for kind in made_of & SIGNING.keys()).union(
        *(port_actions(*asked) for view, asked in SHOWN.items() if f"{view}(" in text),
        *(port_actions(*each) for kind, asked in ASKING.items() if kind in made_of for each in asked),
        *(actions_of(function.body, frozenset(re.findall(r"\b[A-Z]\w+", text)) | all_traits(), f"functions::{name}")
          for function in functions_in(text, name))
    )
