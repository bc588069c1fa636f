import { Hono } from 'hono';

const app = new Hono();

app.get('/', (c) => c.text('Hono inside a TEE'));

app.get('/items/:id', (c) => c.json({ id: c.req.param('id'), detail: c.req.query('detail') ?? 'none' }));

app.post('/echo', async (c) => c.json(await c.req.json()));

app.onError((error, c) => {
  console.error(error);
  return c.json({ error: 'bad request' }, 400);
});

export default app;
