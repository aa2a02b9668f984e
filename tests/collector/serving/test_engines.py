from __future__ import annotations

import pytest

from collector.serving import METRICS
from collector.wire import UNKNOWN
from tests.collector.serving.reading import read, scrapes, totals

U = UNKNOWN


def vllm(requests: tuple[int, int, int], prompt: int, generation: int, prefix: str = "vllm:") -> str:
    """Names and labels of vLLM's documentation "Production Metrics"; what is per request among it."""
    labels = 'model_name="llama",engine="0"'
    stop, length, abort = requests
    return f"""
# TYPE vllm:request_success_total counter
{prefix}request_success_total{{{labels},finished_reason="stop"}} {stop}
{prefix}request_success_total{{{labels},finished_reason="length"}} {length}
{prefix}request_success_total{{{labels},finished_reason="abort"}} {abort}
{prefix}prompt_tokens_total{{{labels}}} {prompt}
{prefix}prompt_tokens_created{{{labels}}} 1.7e9
{prefix}prompt_tokens_cached_total{{{labels}}} {prompt // 2}
{prefix}prefix_cache_hits_total{{{labels}}} {prompt // 2}
{prefix}generation_tokens_total{{{labels}}} {generation}
{prefix}iteration_tokens_total_sum{{{labels}}} {prompt + generation}
{prefix}iteration_tokens_total_count{{{labels}}} {generation}
{prefix}request_inference_time_seconds_sum{{{labels}}} {100 * stop}
{prefix}request_prefill_time_seconds_sum{{{labels}}} {20 * stop}
{prefix}request_decode_time_seconds_sum{{{labels}}} {80 * stop}
{prefix}num_requests_running{{{labels}}} 3
"""


def test_vllm_counts_requests_by_every_reason_and_tokens_with_cached_ones_but_no_busy_time() -> None:
    found = scrapes({0: vllm((5, 1, 0), 1000, 200), 30: vllm((9, 2, 1), 1900, 500)})

    assert totals(read(found, 60)[0]) == {("a-0", "llama", "vllm"): (6, 900, 300, U)}


def test_engines_of_one_vllm_server_add_up() -> None:
    def two(first: int, second: int) -> str:
        return "\n".join(
            f'vllm:generation_tokens_total{{model_name="llama",engine="{i}"}} {n}'
            for i, n in enumerate((first, second))
        )

    found = scrapes({0: two(10, 20), 30: two(13, 27)})

    assert totals(read(found, 60)[0]) == {("a-0", "llama", "vllm"): (U, U, 10, U)}


@pytest.mark.parametrize("prefix", ["ray_vllm:", "ray_vllm_", "kserve_vllm:"])
def test_vllm_is_read_under_the_names_that_others_give_its_metrics(prefix: str) -> None:
    found = scrapes({0: vllm((0, 0, 0), 0, 0, prefix), 30: vllm((2, 0, 0), 70, 30, prefix)})

    assert totals(read(found, 60)[0]) == {("a-0", "llama", "vllm"): (2, 70, 30, U)}


@pytest.mark.parametrize("sign", [":", "_"])
def test_old_ray_that_tells_gauges_only_tells_of_vllm_too(sign: str) -> None:
    text = f'ray_vllm{sign}prompt_tokens{{{{model_name="llama"}}}} {{}}'
    found = scrapes({0: text.format(3), 30: text.format(8)})

    assert totals(read(found, 60)[0]) == {("a-0", "llama", "vllm"): (U, 5, U, U)}


def test_vllm_as_a_backend_of_triton_names_the_model_as_triton_does() -> None:
    """triton-inference-server/vllm_backend, README: labels model and version."""
    text = 'vllm:prompt_tokens_total{{model="vllm_model",version="1"}} {}'
    found = scrapes({0: text.format(3), 30: text.format(8)})

    assert totals(read(found, 60)[0]) == {("a-0", "vllm_model", "vllm"): (U, 5, U, U)}


def under_ray(tokens: int, requests: int, http: int) -> str:
    """Ray Serve's metrics reference and ray.serve.metrics.Counter: the gauge repeats the counter."""
    vllm = 'model_name="llama",WorkerId="0f",Component="core_worker"'
    serve = 'deployment="LLMServer",application="chat",replica="r1"'
    return f"""
ray_vllm:generation_tokens_total{{{vllm}}} {tokens}
ray_vllm:generation_tokens{{{vllm}}} {tokens}
ray_vllm_generation_tokens_total{{{vllm}}} {tokens}
ray_vllm:request_success_total{{{vllm},finished_reason="stop"}} {requests}
ray_vllm:request_success{{{vllm},finished_reason="stop"}} {requests}
{serve_counters(serve, http)}
"""


def serve_counters(labels: str, requests: int) -> str:
    return f"""
ray_serve_deployment_request_counter_total{{{labels},route="/v1"}} {requests}
ray_serve_deployment_request_counter{{{labels},route="/v1"}} {requests}
ray_serve_deployment_processing_latency_ms_sum{{{labels},route="/v1"}} {requests * 1000}
ray_serve_num_http_requests_total{{{labels},route="/v1"}} {requests}
"""


def test_ray_tells_a_counter_also_as_a_gauge_and_a_request_also_of_its_deployment() -> None:
    found = scrapes({0: under_ray(0, 0, 0), 30: under_ray(400, 4, 4)})

    assert totals(read(found, 60)[0]) == {("a-0", "llama", "vllm"): (4, U, 400, U)}


def test_ray_serve_alone_counts_requests_of_deployments() -> None:
    labels = 'deployment="Ranker",application="search",replica="r1"'
    found = scrapes({0: serve_counters(labels, 10), 30: serve_counters(labels, 17)})

    assert totals(read(found, 60)[0]) == {("a-0", "Ranker", "ray_serve"): (7, U, U, U)}


def test_old_ray_that_tells_gauges_only_is_read() -> None:
    text = 'ray_serve_deployment_request_counter{{deployment="Ranker",application="search"}} {}'
    found = scrapes({0: text.format(3), 30: text.format(8)})

    assert totals(read(found, 60)[0]) == {("a-0", "Ranker", "ray_serve"): (5, U, U, U)}


def test_the_start_that_rays_agent_tells_is_not_that_of_its_workers() -> None:
    text = 'process_start_time_seconds {}\nray_vllm_prompt_tokens_total{{model_name="m",WorkerId="0f"}} {}'
    start = 1_800_000_000
    found = scrapes({0: text.format(start - 900, 100), 30: text.format(start + 10, 150)})

    rows, happened = read(found, 60)

    assert totals(rows) == {("a-0", "m", "vllm"): (U, 50, U, U)}
    assert happened == []


def sglang(seconds: dict[str, float], tokens: int, requests: int, name: str = "forward_execution") -> str:
    """sgl-project/sglang observability/metrics_collector.py and its tests of metrics on two GPUs."""
    model = 'model_name="qwen",engine_type="unified"'
    lines = [
        f"sglang:prompt_tokens_total{{{model}}} {tokens}",
        f"sglang:cached_tokens_total{{{model}}} {tokens // 2}",
        f"sglang:generation_tokens_total{{{model}}} {tokens}",
        f"sglang:num_requests_total{{{model}}} {requests}",
        f'sglang:realtime_tokens_total{{{model},tp_rank="0",pp_rank="0",mode="decode"}} {tokens}',
    ]
    for rank in ("0", "1"):
        at = f'{model},tp_rank="{rank}",pp_rank="0"'
        for category, value in seconds.items():
            labels = f'{at},category="{category}"'
            lines += [
                f"sglang:{name}_seconds_total{{{labels}}} {value}",
                f'sglang:dp_cooperation_{name}_seconds_total{{{labels},num_prefill_ranks="0"}} {value}',
            ]
    return "\n".join(lines)


@pytest.mark.parametrize("name", ["forward_execution", "gpu_execution"])
def test_sglang_tells_device_time_of_all_its_ranks_under_its_new_and_its_old_name(name: str) -> None:
    before, after = {"extend": 1.5, "decode": 10.0}, {"extend": 2.0, "decode": 20.25}
    found = scrapes({0: sglang(before, 100, 1, name), 30: sglang(after, 300, 3, name)})

    assert totals(read(found, 60)[0]) == {("a-0", "qwen", "sglang"): (2, 200, 200, 21_500)}


def test_sglangs_two_names_of_its_busy_time_are_never_added() -> None:
    def both(seconds: float) -> str:
        return "\n".join(sglang({"decode": seconds}, 100, 1, name) for name in ("forward_execution", "gpu_execution"))

    found = scrapes({0: both(1), 30: both(3)})

    assert totals(read(found, 60)[0]) == {("a-0", "qwen", "sglang"): (0, 0, 0, 4000)}


def test_sglang_without_its_device_timer_is_busy_for_an_unknown_time() -> None:
    found = scrapes({0: sglang({"decode": 0}, 100, 1), 30: sglang({"decode": 0}, 300, 3)})
    absent = scrapes({0: sglang({}, 100, 1), 30: sglang({}, 300, 3)})

    assert totals(read(found, 60)[0]) == {("a-0", "qwen", "sglang"): (2, 200, 200, U)}
    assert totals(read(absent, 60)[0]) == {("a-0", "qwen", "sglang"): (2, 200, 200, U)}


def test_sglang_that_is_idle_with_its_device_timer_was_busy_for_no_time() -> None:
    found = scrapes({0: sglang({"decode": 7}, 100, 1), 30: sglang({"decode": 7}, 100, 1)})

    assert totals(read(found, 60)[0]) == {("a-0", "qwen", "sglang"): (0, 0, 0, 0)}


def test_ranks_that_count_the_same_tokens_count_once_and_replicas_of_data_add_up() -> None:
    def ranks(tokens: int) -> str:
        return "\n".join(
            f'sglang:generation_tokens_total{{model_name="qwen",tp_rank="{tp}",pp_rank="0",dp_rank="{dp}"}} {tokens}'
            for dp, tp in ((0, 0), (0, 1), (1, 2), (1, 10))
        )

    found = scrapes({0: ranks(0), 30: ranks(50)})

    assert totals(read(found, 60)[0]) == {("a-0", "qwen", "sglang"): (U, U, 100, U)}


def triton(requests: int) -> str:
    """triton-inference-server/server docs/user_guide/metrics.md; batches of eight of 10 ms each."""
    labels = 'model="{}",version="1"'
    lines: list[str] = []
    for model in ("pipeline", "encoder"):
        at = labels.format(model)
        lines += [
            f"nv_inference_request_success{{{at}}} {requests}",
            f'nv_inference_request_failure{{{at},reason="OTHER"}} 5',
            f"nv_inference_count{{{at}}} {requests * 8}",
            f"nv_inference_exec_count{{{at}}} {requests // 8}",
            f"nv_inference_request_duration_us{{{at}}} {requests * 90_000}",
            f"nv_inference_compute_infer_duration_us{{{at}}} {requests * 80_000}",
        ]
    return "\n".join(lines)


def test_triton_counts_requests_not_inferences_and_its_durations_are_no_busy_time() -> None:
    found = scrapes({0: triton(0), 30: triton(16)})

    assert totals(read(found, 60)[0]) == {
        ("a-0", "pipeline", "triton"): (16, U, U, U),
        ("a-0", "encoder", "triton"): (16, U, U, U),
    }


def test_versions_of_a_model_of_triton_add_up() -> None:
    text = 'nv_inference_request_success{{model="m",version="{}"}} {}'
    before, after = ("\n".join(text.format(i, n) for i, n in enumerate(several)) for several in ((4, 0), (5, 6)))
    found = scrapes({0: before, 30: after})

    assert totals(read(found, 60)[0]) == {("a-0", "m", "triton"): (7, U, U, U)}


def tgi(requests: int, forward: tuple[float, float]) -> str:
    """huggingface/text-generation-inference docs/source/reference/metrics.md: summaries in seconds and tokens."""
    prefill, decode = forward
    return f"""
tgi_request_count {requests + 1}
tgi_request_success {requests}
tgi_request_input_length_sum {requests * 100}
tgi_request_input_length_count {requests}
tgi_request_generated_tokens_sum {requests * 20}
tgi_request_generated_tokens_count {requests}
tgi_request_inference_duration_sum {requests * 60}
tgi_request_inference_duration_count {requests}
tgi_batch_forward_duration_sum{{method="prefill"}} {prefill}
tgi_batch_forward_duration_count{{method="prefill"}} {requests}
tgi_batch_forward_duration_sum{{method="decode"}} {decode}
tgi_batch_forward_duration_count{{method="decode"}} {requests * 20}
tgi_batch_inference_duration_sum{{method="decode"}} {decode * 2}
"""


def test_tgi_is_busy_while_a_batch_is_forwarded_and_serves_what_its_workload_claims() -> None:
    texts = {0: tgi(10, (1.5, 4.0)), 30: tgi(13, (1.75, 5.5))}

    assert totals(read(scrapes(texts, "claims-0"), 60)[0]) == {("claims-0", "claimed-7b", "tgi"): (3, 300, 60, 1750)}
    assert set(totals(read(scrapes(texts, "a-0"), 60)[0])) == {("a-0", "serving/a-0", "tgi")}


def test_torchserve_counts_requests_and_its_latency_holds_the_queue() -> None:
    """A line of pytorch/serve docs/metrics.md, with its trailing comma."""
    text = """
ts_inference_requests_total{{model_name="mnist",model_version="default",hostname="h",}} {0}
ts_inference_latency_microseconds{{model_name="mnist",model_version="default",hostname="h",}} {1}
ts_queue_latency_microseconds{{model_name="mnist",model_version="default",hostname="h",}} {1}
HandlerTime{{ModelName="mnist",Level="Model",Hostname="h",}} 12.5
"""
    found = scrapes({0: text.format(1, 1e6), 30: text.format(5, 9e6)})

    assert totals(read(found, 60)[0]) == {("a-0", "mnist", "torchserve"): (4, U, U, U)}


def test_tensorflow_servings_names_begin_with_a_colon_and_what_failed_was_not_served() -> None:
    text = """
:tensorflow:serving:request_count{{model_name="wide",status="OK"}} {0}
:tensorflow:serving:request_count{{model_name="wide",status="INVALID_ARGUMENT"}} {0}
:tensorflow:serving:request_latency_sum{{model_name="wide",API="predict",entrypoint="REST"}} {1}
:tensorflow:serving:runtime_latency_sum{{model_name="wide",API="predict",runtime="TF1"}} {1}
"""
    found = scrapes({0: text.format(2, 1e6), 30: text.format(8, 9e6)})

    assert totals(read(found, 60)[0]) == {("a-0", "wide", "tensorflow_serving"): (6, U, U, U)}


def test_kserve_predicts_and_its_predictions_overlap() -> None:
    text = """
request_predict_seconds_count{{model_name="iris"}} {0}
request_predict_seconds_sum{{model_name="iris"}} {0}
request_preprocess_seconds_count{{model_name="iris"}} {0}
"""
    found = scrapes({0: text.format(2), 30: text.format(8)})

    assert totals(read(found, 60)[0]) == {("a-0", "iris", "kserve"): (6, U, U, U)}


def test_jetstream_leaves_out_the_name_of_a_model_that_fits_no_label() -> None:
    text = """
jetstream_request_success_count_total{{id="x"}} {0}
jetstream_request_input_length_sum{{id="x"}} {1}
jetstream_request_output_length_sum{{id="x"}} {0}
jetstream_time_per_output_token_sum{{id="x"}} {1}
"""
    found = scrapes({0: text.format(2, 10), 30: text.format(8, 70)}, "claims-0")

    assert totals(read(found, 60)[0]) == {("claims-0", "claimed-7b", "jetstream"): (6, 60, 6, U)}


def test_every_name_is_asked_for_once() -> None:
    assert len(METRICS) == len(set(METRICS))
    assert {"process_start_time_seconds", "up", ":tensorflow:serving:request_count"} < set(METRICS)
