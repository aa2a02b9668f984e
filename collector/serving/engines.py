"""The engines that are known: which of their counters is which measure.

| engine | requests | tokens | busy_ms |
|---|---|---|---|
| vllm | finished, for whatever reason | cached input among it | not measured: its times are per request |
| sglang | finished | cached input among it | forward passes on the device, of every rank that tells; where timed |
| tgi | succeeded | of what succeeded | forward passes of its slowest shard |
| triton | succeeded, of an ensemble and of its parts | not counted | not told: its times are per request |
| torchserve | all | not counted | not measured: its latency contains the queue |
| tensorflow_serving | with status OK | not counted | not measured: its runs overlap |
| kserve | predicted | not counted | not measured: its predictions overlap |
| jetstream | succeeded | told | not measured: its times are averages |
| ray_serve | per deployment, where no engine under Ray tells of them | not counted | not measured |

Cached input tokens were served, so they count. Where prefill and decode of a request run in two servers, each counts
the request. A model whose name an engine does not tell has the one that its workload claims.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Field = Literal["requests", "input_tokens", "output_tokens", "busy_ms"]


class Measure(Struct, frozen=True):
    """A counter under all its names: of those that one target tells the first counts, the others are copies of it.

    `scale`: the row's units in one of the counter's. `only`: of a label (the first) this value counts.
    """

    field: Field
    names: tuple[str, ...]
    scale: int = 1
    only: tuple[str, str] | None = None


class Engine(Struct, frozen=True, kw_only=True):
    """A kind of engine.

    `model`: the label that names the model, under all its names. `parts`: labels that only divide what one process
    counts. `ranks`: labels of processes that work on the same requests.
    """

    name: str
    measures: tuple[Measure, ...]
    model: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    ranks: tuple[str, ...] = ()


def _names(engine: str, stem: str) -> tuple[str, ...]:
    """Ray's copies of an engine's metrics: with a colon or without, and older ones also as gauges without `_total`."""
    told = [f"{engine}:{stem}_total", f"kserve_{engine}:{stem}_total"]
    under_ray = [f"ray_{engine}{sign}{stem}{end}" for end in ("_total", "") for sign in (":", "_")]
    return (*told, *under_ray)


VLLM = Engine(
    name="vllm",
    measures=(
        Measure("requests", _names("vllm", "request_success")),
        Measure("input_tokens", _names("vllm", "prompt_tokens")),
        Measure("output_tokens", _names("vllm", "generation_tokens")),
    ),
    model=("model_name", "model"),
    parts=("finished_reason",),
)
SGLANG = Engine(
    name="sglang",
    measures=(
        Measure("requests", _names("sglang", "num_requests")),
        Measure("input_tokens", _names("sglang", "prompt_tokens")),
        Measure("output_tokens", _names("sglang", "generation_tokens")),
        Measure(
            "busy_ms",
            (*_names("sglang", "forward_execution_seconds"), *_names("sglang", "gpu_execution_seconds")),
            scale=1000,
        ),
    ),
    model=("model_name",),
    parts=("category", "is_streaming"),
    ranks=("tp_rank", "pp_rank", "moe_ep_rank"),
)
TGI = Engine(
    name="tgi",
    measures=(
        Measure("requests", ("tgi_request_success",)),
        Measure("input_tokens", ("tgi_request_input_length_sum",)),
        Measure("output_tokens", ("tgi_request_generated_tokens_sum",)),
        Measure("busy_ms", ("tgi_batch_forward_duration_sum",), scale=1000),
    ),
    parts=("method", "stop_reason", "kind"),
)
TRITON = Engine(
    name="triton",
    measures=(Measure("requests", ("nv_inference_request_success",)),),
    model=("model",),
    parts=("gpu_uuid",),
)
TORCHSERVE = Engine(
    name="torchserve",
    measures=(Measure("requests", ("ts_inference_requests_total",)),),
    model=("model_name",),
)
TENSORFLOW_SERVING = Engine(
    name="tensorflow_serving",
    measures=(Measure("requests", (":tensorflow:serving:request_count",), only=("status", "OK")),),
    model=("model_name",),
)
KSERVE = Engine(
    name="kserve",
    measures=(Measure("requests", ("request_predict_seconds_count",)),),
    model=("model_name",),
)
JETSTREAM = Engine(
    name="jetstream",
    measures=(
        Measure("requests", ("jetstream_request_success_count_total",)),
        Measure("input_tokens", ("jetstream_request_input_length_sum",)),
        Measure("output_tokens", ("jetstream_request_output_length_sum",)),
    ),
    model=("model_name",),
)
RAY_SERVE = Engine(
    name="ray_serve",
    measures=(
        Measure("requests", ("ray_serve_deployment_request_counter_total", "ray_serve_deployment_request_counter")),
    ),
    model=("deployment",),
    parts=("route",),
)
ENGINES = (VLLM, SGLANG, TGI, TRITON, TORCHSERVE, TENSORFLOW_SERVING, KSERVE, JETSTREAM, RAY_SERVE)

COUNTERS = {name: (engine, measure) for engine in ENGINES for measure in engine.measures for name in measure.names}
COUNTS = {
    f"{name.removesuffix('_sum')}_count": engine for name, (engine, _) in COUNTERS.items() if name.endswith("_sum")
}
"""How often a histogram was added to: it is read to see where its sum began anew."""

UP = "up"
STARTED = "process_start_time_seconds"
METRICS: tuple[str, ...] = (*COUNTERS, *COUNTS, STARTED, UP)


def process_is_told(name: str) -> bool:
    """Whether the start that a target tells is that of the counting process: Ray's agent tells its own."""
    return not name.startswith("ray_")
