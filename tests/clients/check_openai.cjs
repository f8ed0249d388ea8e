// Node's `openai` against a running server; arguments and things to ask for as in support.py.

const OpenAI = require('openai')
const assert = require('node:assert/strict')

const [url, model, ...more] = process.argv.slice(2)
const calls = more.includes('calls')
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 60_000 })

const say = (content) => [{ role: 'user', content }]
const hello = say('Say hello.')
const askWeather = say('What is the weather in Paris?')
const count = say('Count from 1 to 1000, one number per line.')
const weather = {
  name: 'get_weather',
  description: 'The weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}
const tools = [{ type: 'function', function: weather }]
const person = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 20 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
  },
  required: ['name', 'age'],
  additionalProperties: false,
}
const schema = { type: 'json_schema', json_schema: { name: 'person', schema: person, strict: true } }

const create = (messages, options) => client.chat.completions.create({ model, messages, ...options })
const stream = (messages, options) => client.chat.completions.stream({ model, messages, ...options })

function checkCall(choice) {
  assert.equal(choice.finish_reason, 'tool_calls')
  const [call, ...others] = choice.message.tool_calls
  assert.equal(others.length, 0)
  assert.ok(call.id)
  assert.deepEqual([call.type, call.function.name], ['function', 'get_weather'])
  assert.equal(typeof JSON.parse(call.function.arguments).city, 'string')
}

function checkPerson(text) {
  const { name, age, ...rest } = JSON.parse(text)
  assert.deepEqual(rest, {})
  assert.equal(typeof name, 'string')
  assert.ok(Number.isInteger(age) && age >= 0 && age <= 150)
}

async function answers() {
  const answer = await create(hello, { max_tokens: 4 })
  assert.ok(answer.choices[0].message.content)
}

const steps = {
  async modelsAreListedAndFound() {
    const ids = []
    for await (const listed of client.models.list()) ids.push(listed.id)
    assert.ok(ids.includes(model), String(ids))
    assert.equal((await client.models.retrieve(model)).id, model)
  },

  async anAnswerInOnePiece() {
    const answer = await create(hello, { max_tokens: 16 })
    assert.ok(answer.choices[0].message.content && answer._request_id)
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage
    assert.ok(prompt_tokens > 0 && completion_tokens > 0)
    assert.equal(total_tokens, prompt_tokens + completion_tokens)
  },

  async aStream() {
    const options = { max_tokens: 16, stream_options: { include_usage: true } }
    const answer = await stream(hello, options).finalChatCompletion()
    assert.ok(answer.choices[0].message.content && answer.usage.completion_tokens > 0)
  },

  async aForcedCall() {
    const options = { tools, tool_choice: 'required', max_tokens: 64 }
    checkCall((await create(askWeather, options)).choices[0])
    checkCall((await stream(askWeather, options).finalChatCompletion()).choices[0])
  },

  async toolsThatAreRun() {
    // A model that does not call would have to end by itself: limits are errors to the SDK here.
    if (!calls) return
    const cities = []
    const run = ({ city }) => (cities.push(city), '21 degrees')
    const tool = { type: 'function', function: { ...weather, parse: JSON.parse, function: run } }
    for (const stream of [false, true]) {
      const options = { model, messages: askWeather, tools: [tool], stream }
      assert.match(await client.chat.completions.runTools(options).finalContent(), /21/)
    }
    assert.deepEqual(cities, ['Paris', 'Paris'])
  },

  async anAnswerOfASchema() {
    const options = { response_format: schema, max_tokens: 100 }
    const answer = await create(say('Invent a person.'), options)
    checkPerson(answer.choices[0].message.content)
    const streamed = await stream(say('Invent a person.'), options).finalChatCompletion()
    checkPerson(streamed.choices[0].message.content)
  },

  async responses() {
    const options = { model, input: 'Say hello.' }
    assert.ok((await client.responses.create(options)).output_text)
    assert.ok((await client.responses.stream(options).finalResponse()).output_text)
  },

  async embeddings() {
    // In base64, which is what the SDK asks for, and as numbers.
    const packed = await client.embeddings.create({ model, input: 'one' })
    const plain = await client.embeddings.create({ model, input: 'one', encoding_format: 'float' })
    const [one, other] = [packed.data[0].embedding, plain.data[0].embedding]
    assert.ok(one.length > 16 && one.length === other.length)
    assert.ok(one.every((number, index) => Math.abs(number - other[index]) < 1e-3))
  },

  async errors() {
    const refused = async (kind, code, messages, options) =>
      assert.rejects(create(messages, options), (error) => {
        assert.ok(error instanceof kind, String(error))
        return error.code === code && error.requestID && error.type === 'invalid_request_error'
      })
    await refused(OpenAI.NotFoundError, 'model_not_found', hello, { model: 'none' })
    for (const stream of [false, true]) {
      const long = say('word '.repeat(20_000))
      await refused(OpenAI.BadRequestError, 'context_length_exceeded', long, { stream })
    }
  },

  async leavingAStream() {
    const left = await create(count, { stream: true })
    for await (const chunk of left) {
      if (chunk.choices[0].delta.content) break
    }
    await answers()
  },

  async leavingBeforeTheAnswer() {
    const signal = AbortSignal.timeout(200)
    const left = client.chat.completions.create({ model, messages: count }, { signal })
    await assert.rejects(left, OpenAI.APIUserAbortError)
    await answers()
  },
}

async function main() {
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step()
      console.log(`passed ${name}`)
    } catch (error) {
      console.log(`FAILED ${name}\n${error.stack}`)
      process.exitCode = 1
    }
  }
}

main()
