"""Compares what the simulator writes with real traces, figure by figure, as the table in docs/simulate.md.

python benchmarks/simulate_realism.py DATA [--world NAME] [--scale F] [--accounts N] [--prompts POOL.parquet]

DATA is a folder with the public traces (`traces_dev_*.parquet`: ServeGen, Azure 2023, Arena-Hard runs, BurstGPT).
Real figures of clients are of a provider's API clients; the simulated ones of programs (products, batch jobs,
gateways, bots), not people, and where a rhythm is measured of those with at least 200 exchanges.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import duckdb

from hydrascope.simulate import PromptPool, read_scenario, simulate_world

QUANTILES = "[0.1, 0.25, 0.5, 0.75, 0.9]"

REAL = {
    "inter-arrival CV of a client (p10, p25, p50, p75, p90)": f"""
        select quantile_cont(cv, {QUANTILES}) from (
          select quantile_cont(iat_cv, 0.5) cv from rates where iat_cv is not null group by category, model, client_id)""",
    "share of ten-minute windows with traffic (p25, p50, p75)": """
        select quantile_cont(a, [0.25, 0.5, 0.75]) from (
          select avg((rate_rps > 0)::int) a from rates group by category, model, client_id)""",
    "sd of log mean volume between clients": """
        select [stddev(ln(r))] from (
          select avg(rate_rps) r from rates where category = 'language' group by model, client_id) where r > 0""",
    "volume of a client against the median one (p5, p25, p75, p95)": """
        select quantile_cont(r, [0.05, 0.25, 0.75, 0.95]).list_transform(lambda q: q / median(r)) from (
          select avg(rate_rps) r from rates where category = 'language' group by model, client_id) where r > 0""",
    "share of load of the top ten clients (lowest, highest model)": """
        select [min(s), max(s)] from (select model, sum(r) filter (rank <= 10) / sum(r) s from (
          select model, sum(rate_rps) r, row_number() over (partition by model order by sum(rate_rps) desc) rank
          from rates group by model, client_id) group by model having count(*) > 20)""",
    "mean input tokens of a client (p10, p50, p90)": """
        select quantile_cont(m, [0.1, 0.5, 0.9]) from (
          select avg(mean) m from lengths where field = 'input_tokens' group by category, model, client_id)""",
    "mean output tokens of a client (p10, p50, p90)": """
        select quantile_cont(m, [0.1, 0.5, 0.9]) from (
          select avg(mean) m from lengths where field = 'output_tokens' group by category, model, client_id)""",
    "clients whose input p90/p10 is below 1.5": """
        select [avg((q < 1.5)::int)] from (
          select quantile_cont(p90 / nullif(p10, 0), 0.5) q from lengths where field = 'input_tokens'
          group by category, model, client_id) where q is not null""",
    "chat: context, generated tokens (medians)": """
        select [median(context_tokens), median(generated_tokens)] from azure where service = 'conv'""",
    "coding: context, generated tokens (medians)": """
        select [median(context_tokens), median(generated_tokens)] from azure where service = 'code'""",
    "people of one place, hour of day: busiest over quietest": """
        select [max(requests) / min(requests)] from burst where level = 'hour_of_day_mean'""",
    "programs all together, hour of day: busiest over quietest (lowest, highest model)": """
        select [min(q), max(q)] from (select model, max(r) / min(r) q from (
          select model, floor(window_start_s / 3600) % 24 h, sum(rate_rps) r from rates
          where category = 'language' group by 1, 2) group by model)""",
    "depth of a program's daily cycle (p10, p25, p50, p75, p90)": f"""
        select quantile_cont(depth, {QUANTILES}) from (
          select 2 * sqrt(pow(sum(r * cos(h * pi() / 12)), 2) + pow(sum(r * sin(h * pi() / 12)), 2)) / sum(r) depth from (
            select model, client_id, floor(window_start_s / 3600) % 24 h, sum(rate_rps) r from rates
            where category = 'language' group by 1, 2, 3) group by model, client_id having sum(r) > 0)""",
    "correlation of the hours of two programs (p10, p50, p90, p99)": """
        with t as (select model || client_id c, floor(window_start_s / 3600) % 24 h, sum(rate_rps) r from rates
            where category = 'language' group by 1, 2),
          full_ as (select c, h, coalesce(r, 0) r from (select distinct c from t) cross join (select unnest(range(24)) h)
            left join t using (c, h))
        select quantile_cont(k, [0.1, 0.5, 0.9, 0.99]) from (select corr(a.r, b.r) k from full_ a join full_ b
          on a.h = b.h and a.c < b.c group by a.c, b.c) where k is not null and not isnan(k)""",
    "benchmark run: CV of gaps between answers (median run)": """
        select [quantile_cont(cv, 0.5)] from (select stddev(gap) / avg(gap) cv from (
          select model, tstamp - lag(tstamp) over (partition by benchmark, model order by tstamp) gap from runs)
          where gap is not null and gap < 600 group by model)""",
}

SIMULATED = {
    "inter-arrival CV of a client (p10, p25, p50, p75, p90)": f"""
        select quantile_cont(cv, {QUANTILES}) from (
          select account_id, quantile_cont(cv, 0.5) cv from (
            select account_id, part, stddev(gap) / avg(gap) cv from gaps group by 1, 2 having count(*) >= 20)
          group by 1)""",
    "share of ten-minute windows with traffic (p25, p50, p75)": """
        select quantile_cont(n / span, [0.25, 0.5, 0.75]) from (
          select account_id, count(distinct floor(epoch(started_at) / 600)) n from honest group by 1),
          (select (max(epoch(started_at)) - min(epoch(started_at))) / 600 span from honest)""",
    "sd of log mean volume between clients": """
        select [stddev(ln(n))] from (select count(*) n from programs group by account_id)""",
    "volume of a client against the median one (p5, p25, p75, p95)": """
        select quantile_cont(n, [0.05, 0.25, 0.75, 0.95]).list_transform(lambda q: q / median(n)) from (
          select count(*) n from programs group by account_id)""",
    "share of load of the top ten clients (lowest, highest model)": """
        select [min(s), max(s)] from (select model, sum(n) filter (rank <= 10) / sum(n) s from (
          select model, count(*) n, row_number() over (partition by model order by count(*) desc) rank
          from honest group by model, account_id) group by model having count(*) > 20)""",
    "mean input tokens of a client (p10, p50, p90)": """
        select quantile_cont(m, [0.1, 0.5, 0.9]) from (select avg(input_tokens) m from honest group by account_id)""",
    "mean output tokens of a client (p10, p50, p90)": """
        select quantile_cont(m, [0.1, 0.5, 0.9]) from (select avg(output_tokens) m from honest group by account_id)""",
    "clients whose input p90/p10 is below 1.5": """
        select [avg((q < 1.5)::int)] from (
          select quantile_cont(input_tokens, 0.9) / nullif(quantile_cont(input_tokens, 0.1), 0) q
          from honest group by account_id)""",
    "chat: context, generated tokens (medians)": """
        select [median(input_tokens), median(output_tokens)] from everybody where label = 'background'""",
    "coding: context, generated tokens (medians)": """
        select [median(input_tokens), median(output_tokens)] from everybody where label = 'coding_agent_user'""",
    "people of one place, hour of day: busiest over quietest": """
        select [max(n) / min(n)] from (
          select hour(started_at::timestamp) h, count(*)::double n from everybody
          where label = 'background' and client_country = 'CN' group by 1)""",
    "programs all together, hour of day: busiest over quietest (lowest, highest model)": """
        select [min(q), max(q)] from (select model, max(n) / min(n) q from (
          select model, hour(started_at::timestamp) h, count(*)::double n from programs
          where model in (select model from programs group by 1 having count(distinct account_id) > 20)
          group by 1, 2) group by model)""",
    "depth of a program's daily cycle (p10, p25, p50, p75, p90)": f"""
        select quantile_cont(depth, {QUANTILES}) from (
          select 2 * sqrt(pow(sum(r * cos(h * pi() / 12)), 2) + pow(sum(r * sin(h * pi() / 12)), 2)) / sum(r) depth from (
            select account_id, hour(started_at::timestamp) h, count(*)::double r from honest group by 1, 2)
          group by account_id)""",
    "correlation of the hours of two programs (p10, p50, p90, p99)": """
        with t as (select account_id c, hour(started_at::timestamp) h, count(*)::double r from honest group by 1, 2),
          full_ as (select c, h, coalesce(r, 0) r from (select distinct c from t) cross join (select unnest(range(24)) h)
            left join t using (c, h))
        select quantile_cont(k, [0.1, 0.5, 0.9, 0.99]) from (select corr(a.r, b.r) k from full_ a join full_ b
          on a.h = b.h and a.c < b.c group by a.c, b.c) where k is not null and not isnan(k)""",
    "benchmark run: CV of gaps between answers (median run)": """
        select [quantile_cont(cv, 0.5)] from (select stddev(gap) / avg(gap) cv from (
          select account_id, epoch(started_at) - lag(epoch(started_at)) over (partition by account_id order by started_at) gap
          from everybody where label = 'benchmark') where gap is not null and gap < 600 group by account_id)""",
}


def open_traces(data: Path) -> duckdb.DuckDBPyConnection:
    """The real traces as views."""
    base = duckdb.connect()
    files = {"rates": "servegen_client_rates", "lengths": "servegen_client_lengths", "azure": "azure2023",
             "burst": "burstgpt_aggregates", "runs": "arena_hard_runs"}  # fmt: skip
    for view, name in files.items():
        base.execute(f"create view {view} as select * from '{data}/traces_dev_{name}.parquet'")
    return base


def open_world(world: Path) -> duckdb.DuckDBPyConnection:
    """A simulated world as views: everybody, honest accounts with much traffic, and their gaps."""
    base = duckdb.connect()
    base.execute("set timezone = 'UTC'")
    base.execute(
        f"""create table everybody as select e.*, t.label, t.campaign is not null distils
            from '{world}/exchanges/*.parquet' e join '{world}/truth.parquet' t using (account_id)"""
    )
    base.execute(
        """create view programs as select * from everybody where not distils and label not in ('background',
             'coding_agent_user', 'class', 'enterprise', 'agency', 'cgnat', 'shared_vpn', 'viral_app', 'team_key')"""
    )
    base.execute(
        """create view honest as select * from programs where account_id in (
             select account_id from programs group by 1 having count(*) >= 200)"""
    )
    base.execute(
        """create view gaps as select account_id, floor(epoch(started_at) / 21600) as part,
             epoch(started_at) - lag(epoch(started_at)) over (partition by account_id, floor(epoch(started_at) / 21600)
             order by started_at) gap from honest"""
    )
    return base


def show(values: list[float] | None) -> str:
    """Three significant figures each."""
    return ", ".join("-" if v is None else f"{v:.3g}" for v in values or [])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--world", default="null-tuning", help="a shipped world, or the folder of a written one"
    )
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--accounts", type=int)
    parser.add_argument("--prompts", type=Path)
    options = parser.parse_args()
    traces = open_traces(options.data)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(options.world) if Path(options.world, "world.json").is_file() else Path(folder)
        if written == Path(folder):
            pool = PromptPool.read(options.prompts) if options.prompts else None
            simulate_world(
                read_scenario(options.world),
                written,
                seed=7,
                scale=options.scale,
                accounts=options.accounts,
                prompts=pool,
            )
        world = open_world(written)
        print("| figure | real | simulated |\n|---|---|---|")
        for name, query in REAL.items():
            real, ours = traces.execute(query).fetchone(), world.execute(SIMULATED[name]).fetchone()
            print(
                f"| {name} | {show(real[0] if real else None)} | {show(ours[0] if ours else None)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
