"""What servers ask of clients: requests of their own in the handshake era, `input_required` in the modern one."""

from .client import ParityClient
from .scenarios import MODERN, scenario


@scenario("The answer to: What is six times seven?", "sampling/createMessage", "Be brief.", "LLM response")
async def sampling(client: ParityClient) -> None:
    await client.call("test_sampling", arguments={"prompt": "What is six times seven?"})


@scenario("my response", "my email", '\\"action\\": \\"decline\\"', '\\"action\\": \\"cancel\\"', '"format": "email"')
async def elicitation(client: ParityClient) -> None:
    for message in ("Tell me", "please decline", "please cancel"):
        await client.call("test_elicitation", arguments={"message": message})


@scenario("95.5", "John Doe", "enumNames", '\\"titledMulti\\": [\\"low\\"]')
async def elicitation_schemas(client: ParityClient) -> None:
    await client.call("test_elicitation_sep1034_defaults")
    await client.call("test_elicitation_sep1330_enums")


@scenario("https://example.com/sign-in?step=1", '"mode": "url"', "Visited")
async def elicitation_by_url(client: ParityClient) -> None:
    await client.call("test_elicitation_url")


@scenario("https://example.com/first", bridged=False)
async def url_elicitation_required(client: ParityClient) -> None:
    await client.call("test_url_elicitation_required")


@scenario("file:///srv/projects", "roots/list")
async def roots(client: ParityClient) -> None:
    await client.call("test_roots")


@scenario("Confirmed", "Go on?")
async def one_round(client: ParityClient) -> None:
    await client.call("test_input_required_result_request_state")


@scenario("Which shade of red?", "dark red")
async def two_rounds(client: ParityClient) -> None:
    await client.call("test_input_required_result_multi_round")


@scenario("The answer to: Greet me", "my name", "file:///srv/notes")
async def several_questions(client: ParityClient) -> None:
    await client.call("test_input_required_result_multiple_inputs")


@scenario("before the question", "after the question", "Streamed")
async def question_amid_progress(client: ParityClient) -> None:
    await client.call("test_streaming_elicitation", progress=True)


@scenario("Hello, my name", "my subject")
async def questions_of_resources_and_prompts(client: ParityClient) -> None:
    await client.do("resources/read", uri="test://asking")
    await client.do("prompts/get", name="test_input_required_result_prompt")


@scenario("Confirmed", "Invalid or expired requestState", eras=MODERN, bridged=False)
async def request_state(client: ParityClient) -> None:
    """By hand: the state as it was given, then one that was tampered with, then one that never was."""
    tool, answers = "test_input_required_result_request_state", {"confirm": {"action": "accept", "content": {"ok": True}}}
    state = (await client.do("tools/call by hand", name=tool)).get("requestState")
    await client.do("tools/call by hand", name=tool, answers=answers, state=state)
    for spoilt in (f"{state}x", "never seen"):
        await client.do("tools/call by hand", name=tool, answers=answers, state=spoilt)


@scenario("The client does not do sampling.", "The client does not do elicitation.", "The client does not do roots.", able=False)
async def client_that_cannot_answer(client: ParityClient) -> None:
    for tool in ("client_capabilities", "sampling", "elicitation", "roots"):
        await client.call(f"test_{tool}")


@scenario('"requiredCapabilities": {"sampling": {}}', '"code": -32021', able=False, eras=MODERN, bridged=False)
async def missing_capability(client: ParityClient) -> None:
    await client.call("test_missing_capability")
