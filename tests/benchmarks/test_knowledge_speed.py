"""The graphs that are timed have the edges they are said to have."""

from __future__ import annotations


def test_a_random_graph_is_what_it_says(benchmark_module):
    module = benchmark_module("knowledge_speed")
    graph = module.random_graph(50, 2)
    assert len(graph.concepts()) == 50
    assert [c.id for c in graph.roots()] == ["c0"]
    assert max(len(graph.children(c)) for c in graph.concepts()) == 8
    assert all(len(graph.attributes(c)) == 20 for c in graph.concepts())
    alike = [len(list(graph.relations(c, kind="similar-to"))) for c in graph.concepts()]
    assert 90 <= sum(alike) <= 100, "two each, but none of itself"


def test_it_runs_on_small_graphs(benchmark_module, capsys):
    benchmark_module("knowledge_speed").main(sizes=(20, 40), densities=(1,))
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.endswith("ns each") for line in lines) == 3 * 11
    assert lines[-1].startswith("a question for 200 classes of 312 traits")
