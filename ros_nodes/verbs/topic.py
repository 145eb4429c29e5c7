"""`robot-wm topic`: what is published, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro
from tyro.conf import Positional

from ros_nodes.verbs.graph import find_topic, print_names, visible
from ros_nodes.verbs.session import Session, run_verb
from ros_nodes.verbs.topic_echo import Echo, echo
from ros_nodes.verbs.topic_hz import Hz, measure
from ros_nodes.verbs.topic_pub import Pub, publish


@dataclass(frozen=True)
class List:
    """Lists the topics.

    Attributes:
        show_types: Also the types.
        count_topics: Only how many there are.
        include_hidden_topics: Also names with a part that begins with an underscore.
        verbose: Publishers and subscriptions apart, with their numbers.
    """

    show_types: Annotated[bool, tyro.conf.arg(aliases=["-t"])] = False
    count_topics: Annotated[bool, tyro.conf.arg(aliases=["-c"])] = False
    include_hidden_topics: bool = False
    verbose: Annotated[bool, tyro.conf.arg(aliases=["-v"])] = False


@dataclass(frozen=True)
class Info:
    """Shows type, publishers and subscriptions of a topic.

    Attributes:
        topic_name: The topic.
        verbose: Also the nodes, type hashes and quality of service.
    """

    topic_name: Positional[str]
    verbose: Annotated[bool, tyro.conf.arg(aliases=["-v"])] = False


def run(config: List | Info | Echo | Hz | Pub) -> int:
    """Runs one of the verbs; returns the exit code."""
    return run_verb(config, {List: list_topics, Info: show_info, Echo: echo, Hz: measure, Pub: publish})


def list_topics(session: Session, config: List) -> int:
    """Prints the topics."""
    session.settle()
    found = visible(session.node.get_topic_names_and_types(), config.include_hidden_topics)
    if config.verbose and not config.count_topics:
        for title, count, one in (
            ("Published topics:", session.node.count_publishers, "publisher"),
            ("Subscribed topics:", session.node.count_subscribers, "subscriber"),
        ):
            print(title)
            for name, types in found:
                number = count(name)
                if number:
                    print(f" * {name} [{', '.join(types)}] {number} {one}{'s' if number > 1 else ''}")
            print()
    else:
        print_names(found, config.show_types, config.count_topics)
    return 0


def show_info(session: Session, config: Info) -> int:
    """Prints what is known of a topic."""
    name, _ = find_topic(session, config.topic_name)
    session.settle()
    name, types = find_topic(session, config.topic_name)
    end = "\n\n" if config.verbose else "\n"
    print(f"Type: {types[0] if len(types) == 1 else types}", end=end)
    print(f"Publisher count: {session.node.count_publishers(name)}", end=end)
    for info in session.node.get_publishers_info_by_topic(name) if config.verbose else ():
        print(info, end=end)
    print(f"Subscription count: {session.node.count_subscribers(name)}", end=end)
    for info in session.node.get_subscriptions_info_by_topic(name) if config.verbose else ():
        print(info, end=end)
    return 0
