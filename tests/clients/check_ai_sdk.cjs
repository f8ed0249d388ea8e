// Vercel's AI SDK over the APIs of OpenAI and Anthropic; arguments and things to ask for as in
// support.py.

const { Output, embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } = require('ai')
const { createAnthropic } = require('@ai-sdk/anthropic')
const { createOpenAI } = require('@ai-sdk/openai')
const assert = require('node:assert/strict')

const [url, model, ...more] = process.argv.slice(2)
const calls = more.includes('calls')
const settings = { baseURL: `${url}/v1`, apiKey: 'none' }
const openai = createOpenAI(settings)
const anthropic = createAnthropic(settings)
const models = [openai(model), openai.chat(model), anthropic(model)]

const hello = 'Say hello.'
const askWeather = 'What is the weather in Paris?'
const city = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const weather = { description: 'Weather of a city', inputSchema: jsonSchema(city) }
const person = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 20 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
  },
  required: ['name', 'age'],
  additionalProperties: false,
}

const fixed = (model) => ({ model, maxRetries: 0, abortSignal: AbortSignal.timeout(60_000) })

/** The text and the usage of a stream; what goes wrong in it is thrown. */
async function streamed(options) {
  let failure
  const result = streamText({ ...options, onError: ({ error }) => (failure = error) })
  let text = ''
  for await (const piece of result.textStream) text += piece
  if (failure) throw failure
  return { text, usage: await result.usage }
}

const steps = {
  async answers() {
    for (const model of models) {
      for (const ask of [generateText, streamed]) {
        const { text, usage } = await ask({ ...fixed(model), prompt: hello, maxOutputTokens: 16 })
        assert.ok(text && usage.inputTokens > 0 && usage.outputTokens > 0)
      }
    }
  },

  async aForcedCall() {
    for (const model of models) {
      const tools = { get_weather: tool(weather) }
      const options = { ...fixed(model), prompt: askWeather, tools, toolChoice: 'required' }
      const [call, ...others] = (await generateText(options)).toolCalls
      assert.equal(others.length, 0)
      assert.equal(call.toolName, 'get_weather')
      assert.equal(typeof call.input.city, 'string')
    }
  },

  async toolsThatAreRun() {
    if (!calls) return
    const cities = []
    const execute = async ({ city }) => (cities.push(city), '21 degrees')
    for (const model of models) {
      const tools = { get_weather: tool({ ...weather, execute }) }
      const options = { ...fixed(model), prompt: askWeather, tools, stopWhen: stepCountIs(3) }
      for (const ask of [generateText, streamed]) assert.match((await ask(options)).text, /21/)
    }
    assert.deepEqual(cities, Array(2 * models.length).fill('Paris'))
  },

  async anAnswerOfASchema() {
    // With Anthropic's API the SDK makes a tool of the schema, called `json`.
    for (const model of models.slice(0, 2)) {
      const output = Output.object({ schema: jsonSchema(person) })
      const options = { ...fixed(model), prompt: 'Invent a person.', output, maxOutputTokens: 100 }
      const { name, age, ...rest } = (await generateText(options)).output
      assert.deepEqual(rest, {})
      assert.equal(typeof name, 'string')
      assert.ok(Number.isInteger(age) && age >= 0 && age <= 150)
    }
  },

  async embeddings() {
    const options = { ...fixed(openai.embeddingModel(model)), values: ['one', 'two'] }
    const [one, two] = (await embedMany(options)).embeddings
    assert.ok(one.length > 16 && one.length === two.length)
    assert.notDeepEqual(one, two)
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
